import { randomUUID } from 'node:crypto'
import { type ProjectDatabase, quoteName } from '@plinth/platform/database'
import { inOrderOfReference, type TableColumn, type TableDescription } from './read-tables.ts'

export type Row = Readonly<Record<string, unknown>>

/** One user and, in every table, one row that is theirs. */
export interface World {
  readonly userId: string
  readonly rows: ReadonlyMap<string, Row>
  /** The values that could not be guessed. */
  readonly values: Readonly<Record<string, Row | null>>
}

export interface WorldOptions {
  readonly database: ProjectDatabase
  readonly tables: readonly TableDescription[]
  readonly userId: string
  /** Values that cannot be guessed, by table; `null` for a table whose rows only SQL makes: it is looked up. */
  readonly values?: Readonly<Record<string, Row | null>>
}

/** Fills every table with one row of the user, in order of reference; columns get values by their type. */
export async function createWorld(options: WorldOptions): Promise<World> {
  const rows = new Map<string, Row>([['users', { id: options.userId }]])
  for (const table of inOrderOfReference(options.tables)) {
    rows.set(table.name, await createRow(table, rows, options))
  }
  return { userId: options.userId, rows, values: options.values ?? {} }
}

/** A row that could be inserted: own references, given values, and something for each column that needs it. */
export function draftRow(table: TableDescription, rows: ReadonlyMap<string, Row>, given: Row = {}): Row {
  const references = table.foreign_keys.flatMap(({ columns, name, targets }) =>
    columns.map((column, index) => [column, rows.get(name)?.[targets[index] ?? '']] as const),
  )
  const known = { ...Object.fromEntries(references.filter(([, value]) => value !== undefined)), ...given }
  const guessed = table.columns
    .filter((column) => column.needed && !(column.name in known))
    .map((column) => [column.name, guess(column, table.name)])
  return { ...Object.fromEntries(guessed), ...known }
}

async function createRow(
  table: TableDescription,
  rows: ReadonlyMap<string, Row>,
  options: WorldOptions,
): Promise<Row> {
  const given = options.values?.[table.name]
  const draft = draftRow(table, rows, given ?? {})
  const found = await findRow(table, draft, options.database)
  if (found) return found
  if (given === null) throw new Error(`No row of ${table.name} came about for user ${options.userId}.`)
  return insertRow(table, draft, options.database)
}

/** Some rows exist already: a trigger made them. They are found by what they refer to. */
async function findRow(
  table: TableDescription,
  draft: Row,
  database: ProjectDatabase,
): Promise<Row | undefined> {
  const columns = table.foreign_keys
    .flatMap((key) => key.columns)
    .filter((column) => draft[column] !== undefined)
  if (columns.length === 0) return undefined
  const conditions = columns.map((column, index) => `${quoteName(column)} = $${index + 1}`).join(' and ')
  const text = `select * from public.${quoteName(table.name)} where ${conditions} limit 1`
  return (
    await database.asOwner<Record<string, unknown>>({ text, values: columns.map((column) => draft[column]) })
  ).rows[0]
}

async function insertRow(table: TableDescription, draft: Row, database: ProjectDatabase): Promise<Row> {
  const { rows } = await database.asOwner<Record<string, unknown>>(insertOf(table, draft))
  return rows[0]!
}

/** `insert … returning *` with every value as a parameter that PostgreSQL reads as JSON of the table's own types. */
export function insertOf(table: TableDescription, draft: Row) {
  const columns = Object.keys(draft).map(quoteName).join(', ')
  const name = `public.${quoteName(table.name)}`
  const text = `insert into ${name} (${columns}) select ${columns} from jsonb_populate_record(null::${name}, $1) returning *`
  return { text, values: [JSON.stringify(draft)] }
}

function guess({ type, category, labels }: TableColumn, table: string): unknown {
  if (labels) return labels[0]
  if (type === 'uuid') return randomUUID()
  if (type.startsWith('json')) return {}
  if (category === 'A') return []
  if (category === 'B') return false
  if (category === 'N') return 1
  if (category === 'D') return type === 'date' ? '2026-01-15' : '2026-01-15T12:00:00Z'
  return `${table} ${randomUUID()}`
}
