import { type ProjectDatabase, sql } from '../database/index.ts'
import type { StreamedRelation } from '../tail/index.ts'

/** What the journal has to know of a table, by the relation as the stream describes it. */
export interface TablePlan {
  /** `schema.table`. */
  readonly relation: string
  readonly relationBytes: Buffer
  /** Indexes of the primary key's columns, in the key's order. */
  readonly key: readonly number[]
  /** Index of the tenant's column; -1 where rows belong to the project as a whole. */
  readonly tenant: number
  /** Index of the column that names the person; -1 without personal columns. */
  readonly subject: number
  /** By column: stored sealed. */
  readonly sealed: readonly boolean[]
  readonly hasSealed: boolean
  readonly names: readonly string[]
  /** `"name":` of every column, ready to be written. */
  readonly labels: readonly Buffer[]
}

/** One row of `plinth_journal.tables`. */
export interface JournalledTable {
  readonly relation: string
  readonly primary_key: readonly string[]
  readonly tenant_column: string | null
  readonly personal_columns: readonly string[]
  readonly subject_column: string | null
}

/** Journalled in every project, among what belongs to the project as a whole: how the tables changed their shape. */
export const schemaChangesTable = 'plinth_journal.schema_changes'

export async function readJournalledTables(database: ProjectDatabase): Promise<JournalledTable[]> {
  const { rows } = await database.asJournal<JournalledTable>(sql`
    select relation, primary_key, tenant_column, personal_columns, subject_column from plinth_journal.tables
    union all select ${schemaChangesTable}, array['id'], null, '{}', null`)
  return rows
}

/**
 * The plan of a table; null when it is not journalled, and `unreadable` when its rows cannot be told apart.
 */
export type Plan = TablePlan | 'unreadable' | null

/**
 * The plan for a relation, null when it is not journalled, and `unreadable` when it does not have the columns any more
 * by which its rows are told apart (a migration renames one before the publication is synchronised).
 */
export function planTable(relation: StreamedRelation, tables: ReadonlyMap<string, JournalledTable>): Plan {
  const name = `${relation.schema}.${relation.table}`
  const table = tables.get(name)
  if (!table) return null
  const names = relation.columns.map((column) => column.name)
  const key = table.primary_key.map((column) => names.indexOf(column))
  const tenant = table.tenant_column === null ? -1 : names.indexOf(table.tenant_column)
  if (key.includes(-1) || (table.tenant_column !== null && tenant === -1)) return 'unreadable'
  const sealed = names.map((column) => table.personal_columns.includes(column))
  return {
    relation: name,
    relationBytes: Buffer.from(name),
    key,
    tenant,
    subject: table.subject_column === null ? -1 : names.indexOf(table.subject_column),
    sealed,
    hasSealed: sealed.includes(true),
    names,
    labels: names.map((column) => Buffer.from(`${JSON.stringify(column)}:`)),
  }
}
