import { readFileSync } from 'node:fs'
import type pg from 'pg'

export interface TableColumn {
  readonly name: string
  readonly type: string
  /** pg_type.typcategory: A array, B boolean, D time, E enum, N number, S text, U user-defined, … */
  readonly category: string
  readonly labels: readonly string[] | null
  /** True when an insert has to give a value. */
  readonly needed: boolean
  readonly nullable: boolean
  /** PostgreSQL gives the value: an identity or a generated column. */
  readonly generated: boolean
  /** The default is the signed-in user. */
  readonly caller: boolean
  /** Part of a unique index. */
  readonly unique: boolean
}

export interface TableForeignKey {
  readonly columns: readonly string[]
  readonly schema: string
  readonly table: string
  /** Columns of `table`, in the order of `columns`. */
  readonly targets: readonly string[]
}

export interface TableDescription {
  readonly name: string
  readonly columns: readonly TableColumn[]
  readonly key: readonly string[]
  readonly foreign_keys: readonly TableForeignKey[]
}

const text = readFileSync(new URL('./read-tables.sql', import.meta.url), 'utf8')

/** The tables of a schema as the catalogue has them, each after those it refers to, so that none can be forgotten. */
export async function readTables(client: pg.Client, schema = 'public'): Promise<readonly TableDescription[]> {
  return inOrderOfReference((await client.query<TableDescription>(text, [schema])).rows)
}

function inOrderOfReference(tables: readonly TableDescription[]): readonly TableDescription[] {
  const ordered: TableDescription[] = []
  const visiting = new Set<string>()
  const visit = (table: TableDescription) => {
    if (visiting.has(table.name)) return
    visiting.add(table.name)
    for (const key of table.foreign_keys) {
      const target = tables.find(({ name }) => key.schema === 'public' && name === key.table)
      if (target) visit(target)
    }
    ordered.push(table)
  }
  for (const table of tables) visit(table)
  return ordered
}
