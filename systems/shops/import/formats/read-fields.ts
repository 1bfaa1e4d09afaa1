import { type DecimalSign, readDecimal, type TimeReader } from '@plinth/platform/tabular'
import { quote, type Remark } from '../findings.ts'

/** PostgreSQL's integer. */
const largestQuantity = 2_147_483_647
const longestText = 500
/** Most characters of an order's number, a code or a customer: what columns and indexes of the shop hold. */
export const longestName = 200

/** How the values of a file are written. */
export interface ValueReaders {
  readonly decimalSign: DecimalSign
  readonly readTime: TimeReader
}

/** Reads the fields of one line and collects what is wrong with them. */
export class FieldReading {
  readonly remarks: Remark[] = []
  readonly #values: ValueReaders
  #refused = false

  constructor(values: ValueReaders) {
    this.#values = values
  }

  get refused(): boolean {
    return this.#refused
  }

  refuse(...remark: Remark): void {
    this.#refused = true
    this.remarks.push(remark)
  }

  note(...remark: Remark): void {
    this.remarks.push(remark)
  }

  /** Text without surrounding blanks; refused when it could not be stored or shown. */
  text(column: string, value: string, longest = longestText): string {
    const text = value.trim()
    if (text.includes('\0')) this.refuse('nul_byte', `${column} holds a NUL byte`)
    else if (text.includes('\n'))
      this.refuse('line_break_in_field', `${column} goes on over lines: ${quote(text)}`)
    else if (text.length > longest)
      this.refuse('field_too_long', `${column} has ${text.length} characters, more than ${longest}`)
    return text
  }

  quantity(column: string, value: string): number {
    const quantity = Number(readDecimal(value, this.#values.decimalSign) ?? Number.NaN)
    if (!Number.isInteger(quantity) || Math.abs(quantity) > largestQuantity) {
      this.refuse('bad_quantity', `${column} is no whole number in range: ${quote(value.trim())}`)
      return 0
    }
    if (quantity === 0) this.refuse('zero_quantity', `${column} is 0`)
    return quantity
  }

  /** As {@link text}, of what names an order, an item or a customer. */
  nameOf(column: string, value: string): string {
    return this.text(column, value, longestName)
  }

  /** A decimal in major units, kept as text so that nothing is rounded. */
  price(column: string, value: string): string {
    const price = readDecimal(value, this.#values.decimalSign)
    if (price !== undefined && /^-?\d{1,9}(\.\d{1,6})?$/.test(price)) return price
    this.refuse('bad_price', `${column} is no decimal number in range: ${quote(value.trim())}`)
    return '0'
  }

  /** An instant in UTC, ISO. */
  time(column: string, value: string): string {
    const time = this.#values.readTime(value)
    if (!time) {
      this.refuse('bad_time', `${column} is no time such as 2010-12-01 08:26:00: ${quote(value)}`)
      return ''
    }
    if (time.odd === 'skipped') {
      this.note('time_skipped', `clocks never showed ${value}; taken as ${time.instant}`)
    }
    if (time.odd === 'repeated') {
      this.note('time_repeated', `clocks showed ${value} twice; taken as the first, ${time.instant}`)
    }
    return time.instant
  }
}

/** True for `0`, `0.00` and the like. */
export const isZero = (decimal: string): boolean => /^-?0+(\.0+)?$/.test(decimal)
