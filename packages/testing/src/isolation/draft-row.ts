import { randomUUID } from 'node:crypto'
import { quoteName, quoteText, type Statement } from '@plinth/platform/database'
import type { TableColumn, TableDescription } from './read-tables.ts'

/** A row as PostgreSQL's `to_jsonb` gives it. */
export type Row = Readonly<Record<string, unknown>>

/** Whose row is drafted. */
export interface DraftOf {
  readonly userId: string
  /** The rows that it may refer to, by table; `users` is `auth.users`. */
  readonly rows: ReadonlyMap<string, Row>
  /** Values that cannot be guessed; a function is called for each row. */
  readonly given: Row
  /** Tells worlds apart: days, instants and unique numbers of two worlds differ. */
  readonly number: number
}

/** A row that could be inserted: references, the signed-in user, given values, and something for what is needed. */
export function draftRow(table: TableDescription, of: DraftOf): Row {
  const references = table.foreign_keys.flatMap((key) =>
    key.columns.map((column, index) => [column, of.rows.get(key.table)?.[key.targets[index] ?? '']] as const),
  )
  const callers = table.columns.filter(({ caller }) => caller).map(({ name }) => [name, of.userId])
  const known: Row = {
    ...Object.fromEntries(callers),
    ...Object.fromEntries(references.filter(([, value]) => value !== undefined)),
    ...valuesOf(of.given),
  }
  const guessed = table.columns
    .filter((column) => column.needed && !(column.name in known))
    .map((column) => [column.name, guess(column, table.name, of.number)])
  return { ...Object.fromEntries(guessed), ...known }
}

/** A given function makes a value of its own for each row. */
const valuesOf = (given: Row): Row =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === 'function' ? value() : value]),
  )

/** `insert` without `returning`, which would ask for the right to read as well; `$1` is the row as JSON. */
export function insertText(table: TableDescription, columns: readonly string[]): string {
  const names = columns.map(quoteName).join(', ')
  const source = columns.length > 0 ? `select ${names} from ${recordOf(table)}` : 'default values'
  return `insert into ${nameOf(table)} ${columns.length > 0 ? `(${names}) ` : ''}${source}`
}

export function insertOf(table: TableDescription, draft: Row): Statement {
  const text = `${insertText(table, Object.keys(draft))} returning to_jsonb(${quoteName(table.name)}) as row`
  return { text, values: [JSON.stringify(draft)] }
}

export const nameOf = ({ name }: TableDescription): string => `public.${quoteName(name)}`

/** A JSON object, by default that of `$1`, as a row of the table. */
export const recordOf = (table: TableDescription, row?: Row): string =>
  `jsonb_populate_record(null::${nameOf(table)}, ${row ? quoteText(JSON.stringify(row)) : '$1'})`

/** Compares a row of the table with `record` by its key; whoever runs this needs the right to read the key. */
export function hasKeyOf(table: TableDescription, record: string): string {
  if (table.key.length === 0) return `to_jsonb(${quoteName(table.name)}) = to_jsonb(${record})`
  return table.key.map((column) => `${quoteName(column)} = (${record}).${quoteName(column)}`).join(' and ')
}

function guess({ type, category, labels, unique }: TableColumn, table: string, number: number): unknown {
  if (labels) return labels[0]
  if (type === 'uuid') return randomUUID()
  if (type.startsWith('json')) return {}
  if (category === 'A') return []
  if (category === 'B') return false
  if (category === 'N') return unique ? 1 + number : 1
  const day = `2026-01-${15 + number}`
  if (category === 'D') return type === 'date' ? day : `${day}T12:00:00Z`
  if (category === 'R') return 'empty'
  return `${table} ${randomUUID()}`
}
