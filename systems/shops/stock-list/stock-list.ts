import { Readable } from 'node:stream'
import { messageOf } from '@plinth/platform/kernel'
import { openSource, readHeader, readRecords } from '@plinth/platform/tabular'
import { shopErrors } from '../errors.ts'

/** A product as its stock list has it. */
export interface ListedItem {
  readonly id: string
  readonly sku: string | null
  readonly name: string
  readonly category: string | null
  readonly retail_price: string
  readonly stock: number
}

/** A line of a list that comes back: the item by its id or sku, and how many units it is to have. */
export interface CountedItem {
  readonly line: number
  readonly id: string | null
  readonly sku: string | null
  readonly counted: number
  /** The stock that the list was made with; null where the column is missing or empty. */
  readonly expected: number | null
}

const columns = ['id', 'sku', 'name', 'category', 'retail_price', 'stock', 'expected'] as const

/** A stock list as CSV (RFC 4180). `expected` repeats the stock: who imports the list after a sale is told so. */
export function writeStockList(items: readonly ListedItem[]): string {
  const rows = items.map(({ id, sku, name, category, retail_price, stock }) =>
    [id, sku, name, category, retail_price, stock, stock].map(cell).join(','),
  )
  return `${[columns.join(','), ...rows].join('\r\n')}\r\n`
}

/** A spreadsheet would run a text that begins like a formula; an apostrophe keeps it a text. */
function cell(value: string | number | null): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const mostLines = 5_000

/** Reads a stock list. Needs the column `stock`, and `id` or `sku`; others are ignored. Fails with `invalid_csv`. */
export async function readStockList(csv: string): Promise<readonly CountedItem[]> {
  const refuse = (problem: string, cause?: unknown) => shopErrors.invalid_csv({ problem }, cause)
  const items: CountedItem[] = []
  let places: ReadonlyMap<string, number> | undefined
  const take = ({ line, fields }: { readonly line: number; readonly fields: readonly string[] }) => {
    if (!places) {
      places = readHeader(fields, 'the list').places
      if (!places.has('stock')) throw refuse('it has no column stock')
      if (!places.has('id') && !places.has('sku')) throw refuse('it has neither a column id nor a column sku')
      return
    }
    const known = places
    const field = (name: string) => fields[known.get(name) ?? -1]?.trim() ?? ''
    const units = (name: string): number | null => {
      const text = field(name)
      if (text === '') return null
      if (!/^-?\d{1,10}$/.test(text)) throw refuse(`line ${line}: ${name} is no whole number`)
      return Number(text)
    }
    const [counted, id, sku] = [units('stock'), field('id'), field('sku').replace(/^'(?=[=+\-@])/, '')]
    if (counted === null) throw refuse(`line ${line}: stock is empty`)
    if (!id && !sku) throw refuse(`line ${line}: it names no item`)
    items.push({ line, id: id || null, sku: sku || null, counted, expected: units('expected') })
    if (items.length > mostLines) throw refuse(`it has more than ${mostLines} lines`)
  }
  try {
    for await (const record of readRecords(await openSource(Readable.from([Buffer.from(csv)])))) take(record)
  } catch (error) {
    throw (error as { code?: string }).code === 'invalid_csv' ? error : refuse(messageOf(error), error)
  }
  if (items.length === 0) throw refuse('it has no lines')
  return items
}
