import type { DecimalSign } from '../read-decimal.ts'

/** What a sheet's cells are written as. */
export interface CellWriting {
  readonly decimalSign: DecimalSign
  /** True where days are counted from 1904-01-01, as Excel for the Macintosh did. */
  readonly from1904: boolean
}

const day = 86_400
/** Day 0, by which day 61 is 1900-03-01: day 60 is one that never was. */
const from1900 = Date.UTC(1899, 11, 30)
const start1904 = Date.UTC(1904, 0, 1)
/** 9999-12-31, the last day of a spreadsheet. */
const lastDay = 2_958_465

/**
 * A number as it is shown: fifteen digits, which is what a spreadsheet keeps of it, with the sign that whoever reads it
 * expects between whole and parts.
 */
export function numberText(value: string, { decimalSign }: CellWriting): string {
  const number = Number(value)
  if (value.trim() === '' || !Number.isFinite(number)) return value
  const rounded = Number(number.toPrecision(15))
  const plain = String(rounded).includes('e') ? withoutExponent(rounded) : String(rounded)
  return decimalSign === 'comma' ? plain.replace('.', ',') : plain
}

function withoutExponent(number: number): string {
  if (Math.abs(number) >= 1) return BigInt(number).toString()
  return number.toFixed(20).replace(/0{1,20}$/, '')
}

/** `2010-12-01 08:26:00` of a number of days, `08:26:00` of a part of one; the number itself where it is none. */
export function timeText(value: string, writing: CellWriting): string {
  const days = Number(value)
  if (value.trim() === '' || !(days >= 0 && days < lastDay + 1)) return numberText(value, writing)
  const seconds = Math.round(days * day)
  const start = writing.from1904 ? start1904 : from1900
  const [date = '', time = ''] = new Date(start + seconds * 1000).toISOString().slice(0, 19).split('T')
  return days < 1 && !writing.from1904 ? time : `${date} ${time}`
}

/** Formats of times that have a number and no text (ECMA-376, part 1, 18.8.30), those of East Asia too. */
const isBuiltIn = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58)

/** Whether a number format shows a time: it has letters of one outside of quotes, escapes and brackets. */
export function isTimeFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return isBuiltIn(id)
  const shown = code
    .slice(0, 255)
    .replace(/"[^"]*"/g, '')
    .replace(/\\./g, '')
    .replace(/\[[^[\]]*\]/g, '')
  return /[dmyhs]/i.test(shown) && !/general/i.test(shown)
}
