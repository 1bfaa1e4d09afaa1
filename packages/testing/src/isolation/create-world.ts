import { type ProjectDatabase, quoteName } from '@plinth/platform/database'
import { messageOf } from '@plinth/platform/kernel'
import { draftRow, insertOf, nameOf, type Row } from './draft-row.ts'
import type { TableDescription } from './read-tables.ts'

/** One user and, in every table, one row that is theirs. */
export interface World {
  readonly userId: string
  /** Tells worlds apart: see {@link DraftOf}. */
  readonly number: number
  /** By table; `users` is `auth.users`. */
  readonly rows: ReadonlyMap<string, Row>
  readonly values: GivenValues
}

/** Values that cannot be guessed from a table's columns, by table. */
export type GivenValues = Readonly<Record<string, Row>>

export interface WorldOptions {
  readonly database: ProjectDatabase
  readonly tables: readonly TableDescription[]
  readonly userId: string
  readonly values: GivenValues
  readonly number: number
}

/** Fills every table with one row of the user, in order of reference; columns get values by their type. */
export async function createWorld({ database, tables, ...of }: WorldOptions): Promise<World> {
  const rows = new Map<string, Row>([['users', { id: of.userId }]])
  const world: World = { ...of, rows }
  for (const table of tables) {
    const draft = draftRow(table, { ...world, given: of.values[table.name] ?? {} })
    rows.set(table.name, (await findRow(table, draft, database)) ?? (await insertRow(table, draft, database)))
  }
  return world
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
  const text = `select to_jsonb(t) as row from ${nameOf(table)} t where ${conditions} limit 1`
  const { rows } = await database.asOwner<{ row: Row }>({
    text,
    values: columns.map((column) => draft[column]),
  })
  return rows[0]?.row
}

async function insertRow(table: TableDescription, draft: Row, database: ProjectDatabase): Promise<Row> {
  try {
    const { rows } = await database.asOwner<{ row: Row }>(insertOf(table, draft))
    return rows[0]!.row
  } catch (cause) {
    throw unusableDraft(table, draft, messageOf(cause))
  }
}

/** A row that nobody can insert proves nothing about those who may not. */
export function unusableDraft({ name }: TableDescription, draft: Row, problem: string): Error {
  return new Error(
    `${name}: the isolation matrix needs a row that the service role can insert, and ${JSON.stringify(draft)} was ` +
      `refused: ${problem}. Say what belongs into it: values: { ${name}: { … } }.`,
  )
}
