import { readFileSync } from 'node:fs'
import type { ProjectDatabase } from '@plinth/platform/database'

export interface TableColumn {
  readonly name: string
  readonly type: string
  /** pg_type.typcategory: A array, B boolean, D time, E enum, N number, S text, U user-defined, … */
  readonly category: string
  readonly labels: readonly string[] | null
  /** True when an insert has to give a value. */
  readonly needed: boolean
  readonly generated: boolean
}

export interface TableForeignKey {
  readonly columns: readonly string[]
  readonly schema: string
  readonly name: string
  readonly targets: readonly string[]
}

export interface TableDescription {
  readonly name: string
  readonly has_row_security: boolean
  readonly policies: number
  readonly columns: readonly TableColumn[]
  readonly key: readonly string[]
  readonly foreign_keys: readonly TableForeignKey[]
}

const text = readFileSync(new URL('./read-tables.sql', import.meta.url), 'utf8')

/** The tables of a schema as the database's catalogue has them, so that none can be forgotten. */
export async function readTables(
  database: ProjectDatabase,
  schema = 'public',
): Promise<readonly TableDescription[]> {
  return (await database.asOwner<TableDescription & Record<string, unknown>>({ text, values: [schema] })).rows
}

/** Tables in an order in which each comes after those it refers to. */
export function inOrderOfReference(tables: readonly TableDescription[]): readonly TableDescription[] {
  const ordered: TableDescription[] = []
  const visiting = new Set<string>()
  const visit = (table: TableDescription) => {
    if (visiting.has(table.name)) return
    visiting.add(table.name)
    for (const { name } of table.foreign_keys) {
      const target = tables.find((other) => other.name === name)
      if (target) visit(target)
    }
    ordered.push(table)
  }
  for (const table of tables) visit(table)
  return ordered
}
