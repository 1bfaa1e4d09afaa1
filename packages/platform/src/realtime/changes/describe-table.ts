import { readFile } from 'node:fs/promises'
import { type ProjectDatabase, sql } from '../../database/index.ts'

/** A column as realtime needs it. */
export interface ColumnDescription {
  readonly name: string
  /** Name of its type as clients see it: `int4`, `_text`. */
  readonly type: string
  /** Its type as SQL declares it: `numeric(10,2)`. */
  readonly declared: string
  /** OID of the type, or of what a domain is made of. */
  readonly base: number
  /** OID of an array's elements, 0 for what is no array. */
  readonly element: number
  /** `pg_type.typtype`: b base, d domain, e enum, c composite, r range. */
  readonly kind: string
  /** False when equal texts may differ in bytes. */
  readonly deterministic: boolean
  readonly generated: boolean
  /** True for columns of the primary key. */
  readonly isKey: boolean
  /** Request roles that may select it. */
  readonly readers: readonly string[]
}

export interface PolicyDescription {
  readonly name: string
  /** `*`, or the first letter of read (`r`), append (`a`), write (`w`), delete (`d`). */
  readonly command: string
  readonly permissive: boolean
  readonly using: string | null
  readonly check: string | null
  readonly wholeRow: boolean
  readonly columns: readonly string[]
  readonly roles: readonly string[] | null
}

/** A table as it is now: its columns, rights and policies. */
export interface TableDescription {
  readonly oid: number
  readonly schema: string
  readonly table: string
  /** Differs as soon as anything here could. */
  readonly state: string
  readonly rowSecurity: boolean
  /** True when changes carry the whole row before them. */
  readonly fullImages: boolean
  /** True when it is in `supabase_realtime`. */
  readonly announced: boolean
  /** True when it is announced and its changes arrive here. */
  readonly published: boolean
  /** Request roles that policies do not bind. */
  readonly unbound: readonly string[]
  readonly columns: readonly ColumnDescription[]
  readonly policies: readonly PolicyDescription[]
}

const describeTableSql = await readFile(new URL('../sql/describe-table.sql', import.meta.url), 'utf8')

/** What the catalogue says of a table, or undefined when there is none. */
function describeTable(
  database: ProjectDatabase,
  schema: string,
  table: string,
): Promise<TableDescription | undefined> {
  return database.transactionAsOwner(async (transaction) => {
    const [, found] = await Promise.all([
      transaction.query(sql`select set_config('search_path', 'pg_catalog', true)`),
      transaction.query<{ description: TableDescription }>({
        text: describeTableSql,
        values: [schema, table],
      }),
    ])
    return found.rows[0]?.description
  })
}

/** What a catalogue needs of a database. */
export interface CatalogueOptions {
  readonly database: ProjectDatabase
  /** Makes the stream carry what is announced. */
  carry(): Promise<void>
}

/** Descriptions that are asked for once and again whenever the catalogue has moved on. */
export interface TableCatalogue {
  /**
   * The description, read anew when it changed since; undefined when there is no such table. One that was announced
   * meanwhile is carried by the stream when this resolves.
   */
  find(schema: string, table: string): Promise<TableDescription | undefined>
  /** Makes the stream carry every table that is announced. */
  carry(): Promise<void>
  /** What is known of tables, by OID, without asking whether it still holds; tables that are not known are read. */
  recall(tables: readonly TableName[]): Promise<ReadonlyMap<number, TableDescription>>
  /** True when all of this still holds, in one round trip; what does not is forgotten. */
  holds(descriptions: Iterable<TableDescription>): Promise<boolean>
}

export interface TableName {
  readonly oid: number
  readonly schema: string
  readonly table: string
}

export function createTableCatalogue({ database, carry }: CatalogueOptions): TableCatalogue {
  const known = new Map<string, TableDescription>()

  async function read(schema: string, table: string): Promise<TableDescription | undefined> {
    const found = await describeTable(database, schema, table)
    if (found) known.set(nameOf(schema, table), found)
    else known.delete(nameOf(schema, table))
    return found
  }

  async function holds(descriptions: Iterable<TableDescription>): Promise<boolean> {
    const all = [...descriptions]
    if (all.length === 0) return true
    const { rows } = await database.asOwner<{ id: number; state: string }>({
      name: 'plinth_table_states',
      text: 'select id, state from realtime.table_states($1)',
      values: [all.map(({ oid }) => oid)],
    })
    const states = new Map(rows.map(({ id, state }) => [Number(id), state]))
    const stale = all.filter(({ oid, state }) => states.get(oid) !== state)
    for (const { schema, table } of stale) known.delete(nameOf(schema, table))
    return stale.length === 0
  }

  return {
    holds,
    carry,
    recall: async (tables) => {
      const found = new Map<number, TableDescription>()
      for (const { oid, schema, table } of tables) {
        const before = known.get(nameOf(schema, table))
        const description = before?.oid === oid ? before : await read(schema, table)
        if (description?.oid === oid) found.set(oid, description)
      }
      return found
    },
    find: async (schema, table) => {
      const before = known.get(nameOf(schema, table))
      const found = before && (await holds([before])) ? before : await read(schema, table)
      if (!found?.announced || found.published) return found
      await carry()
      return read(schema, table)
    },
  }
}

const nameOf = (schema: string, table: string): string => JSON.stringify([schema, table])
