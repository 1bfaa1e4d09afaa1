import { type CellWriting, numberText, timeText } from './cell-text.ts'
import type { Zip } from './open-zip.ts'
import { collectText, readWorkbook, readXmlPart, type Workbook } from './read-workbook.ts'
import { WorkbookProblem } from './workbook-problem.ts'

/** A row of a sheet that has something in it. */
export interface SheetRow {
  /** Its number in the sheet, from 1. */
  readonly line: number
  readonly fields: readonly string[]
}

/** Columns of a sheet; one cell far to the right would fill every row with empty fields. */
const mostColumns = 1_000

/**
 * The rows of a workbook's first sheet, as a stream. Cells are what a CSV file would have: numbers with the sign that
 * `decimalSign` expects, times as `2010-12-01 08:26:00`, results of formulas. Fails with {@link WorkbookProblem}.
 */
export async function* readSheet(
  zip: Zip,
  { decimalSign, longestRow }: Pick<CellWriting, 'decimalSign'> & { readonly longestRow: number },
): AsyncGenerator<SheetRow> {
  const workbook = await readWorkbook(zip)
  const writing: CellWriting = { decimalSign, from1904: workbook.from1904 }
  const rows: SheetRow[] = []
  const collect = collectText()
  let line = 0
  let fields: string[] = []
  let length = 0
  let cell: Cell | undefined
  const turns = readXmlPart(zip, workbook.sheet, {
    open: (name, attributes) => {
      if (name === 'row') {
        line = Number(attributes.get('r') ?? line + 1)
        fields = []
        length = 0
      } else if (name === 'c') {
        cell = {
          column: columnOf(attributes.get('r'), fields.length),
          type: attributes.get('t'),
          style: attributes.get('s'),
        }
        collect.begin()
      } else if (cell) collect.open(name === 'v' ? 't' : name)
    },
    text: (text) => {
      if (cell) collect.text(text)
    },
    close: (name) => {
      if (name === 'row') {
        if (fields.some((field) => field !== '')) rows.push({ line, fields })
        return
      }
      collect.close(name)
      if (name !== 'c' || !cell) return
      while (fields.length < cell.column) fields.push('')
      const text = textOf(cell, collect.end(), workbook, writing)
      fields[cell.column] = text
      cell = undefined
      length += text.length
      if (length > longestRow)
        throw new WorkbookProblem(`has more than ${longestRow} characters in row ${line}`)
    },
  })
  for await (const _ of turns) yield* rows.splice(0)
  yield* rows
}

interface Cell {
  readonly column: number
  readonly type: string | undefined
  readonly style: string | undefined
}

function textOf({ type, style }: Cell, value: string, workbook: Workbook, writing: CellWriting): string {
  if (type === 's') return workbook.texts[Number(value)] ?? ''
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE'
  if (type !== undefined && type !== 'n') return value
  return workbook.times[Number(style ?? 0)] ? timeText(value, writing) : numberText(value, writing)
}

/** From 0: that of `B7` is 1; without a reference a cell follows the one before. */
function columnOf(reference: string | undefined, next: number): number {
  const [letters = ''] = /^[A-Z]{1,3}/.exec(reference ?? '') ?? []
  const column =
    letters === '' ? next : [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1
  if (column >= mostColumns) throw new WorkbookProblem(`has more than ${mostColumns} columns`)
  return column
}
