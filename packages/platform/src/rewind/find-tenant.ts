import { isSqlError, type ProjectDatabase, quoteName, sql } from '../database/index.ts'
import type { TenantDeclaration } from '../system/index.ts'
import { rewindErrors } from './errors.ts'

/** The root row of the tenant, as SQL; null for the project as a whole and for systems without tenants. */
export interface TenantRoot {
  /** `schema.table`, as the journal names it. */
  readonly relation: string
  /** `select … where` of the one row that has `$1` as its key. */
  readonly select: string
}

/**
 * The tenant's root, whether its row is there or not. Fails with `rewind_unknown_tenant` for a tenant that is neither in
 * the journal nor in the root table under exactly this name.
 */
export async function findTenant(
  database: ProjectDatabase,
  tenants: TenantDeclaration | null,
  tenant: string,
): Promise<TenantRoot | null> {
  if (tenant === '') return null
  const root = tenants && (await readRoot(database, tenants))
  const { rowCount } = await database.asJournal(
    sql`select from plinth_journal.heads where tenant = ${tenant}`,
  )
  if (rowCount === 1) return root
  const similar = root ? await findSimilar(database, root, tenant) : undefined
  if (root && similar === tenant) return root
  const suggestion = similar === undefined ? '' : ` Did you mean "${similar}"?`
  throw rewindErrors.rewind_unknown_tenant({ tenant, system: database.system, suggestion })
}

interface Root extends TenantRoot {
  readonly sql: string
  readonly key: string
  readonly type: string
}

async function readRoot(
  database: ProjectDatabase,
  { table, key = 'id' }: TenantDeclaration,
): Promise<Root | null> {
  const { rows } = await database.asOwner<{ type: string }>(sql`
    select pg_catalog.format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::pg_catalog.regnamespace and c.relname = ${table} and a.attname = ${key}
      and not a.attisdropped`)
  if (!rows[0]) return null
  const [name, column, { type }] = [`public.${quoteName(table)}`, quoteName(key), rows[0]]
  return {
    relation: `public.${table}`,
    select: `select ${column}::text as key from ${name} where ${column} = $1::${type}`,
    sql: name,
    key: column,
    type,
  }
}

/** Invalid text for the key's type, or too long for it: SQLSTATE class 22. */
const isNoKey = (error: unknown) => isSqlError(error) && error.code.startsWith('22')

/** The key of a row that this name means, or may mean when it is written in another way. */
async function findSimilar(
  database: ProjectDatabase,
  root: Root,
  tenant: string,
): Promise<string | undefined> {
  const exact = await database
    .asOwner<{ key: string }>({ text: root.select, values: [tenant] })
    .catch((error: unknown) => {
      if (!isNoKey(error)) throw error
      return { rows: [] }
    })
  if (exact.rows[0]) return exact.rows[0].key
  const { rows } = await database.asOwner<{ key: string }>({
    text: `select ${root.key}::text as key from ${root.sql}
      where lower(${root.key}::text) = lower(btrim($1, E' \\t\\n"''{}')) limit 1`,
    values: [tenant],
  })
  return rows[0]?.key
}
