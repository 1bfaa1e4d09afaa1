import type { OwnerSession } from '../database/index.ts'
import type { SystemFacts } from '../system/index.ts'

/** Rows of one table that belong to a tenant or say something about a person. */
export interface OwnedTable {
  /** Quoted for SQL, with its schema. */
  readonly sql: string
  /** `public.items`. */
  readonly name: string
  /** Quoted column whose text names the owner. */
  readonly column: string
}

/** Tables of `public` that name their tenant, those that refer to others first, the root last. */
export async function readTenantTables(
  session: OwnerSession,
  { tenant }: SystemFacts,
): Promise<readonly OwnedTable[]> {
  if (!tenant) return []
  const { rows } = await session.query<OwnedTable & { references: readonly string[] }>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as sql, n.nspname || '.' || c.relname as name,
       pg_catalog.format('%I', a.attname) as "column",
       array(select distinct fn.nspname || '.' || f.relname
         from pg_catalog.pg_constraint k
         join pg_catalog.pg_class f on f.oid = k.confrelid
         join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
         where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as "references"
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and not a.attisdropped
       and a.attname = case when c.relname = $1 then $2 else $3 end
     where c.relkind in ('r', 'p') and not c.relispartition
     order by 2`,
    [tenant.table, tenant.key ?? 'id', tenant.column],
  )
  return inOrderOfReference(rows)
}

/** A table that refers to another comes before it; where tables refer to each other, the order is that of their names. */
function inOrderOfReference(
  tables: readonly (OwnedTable & { readonly references: readonly string[] })[],
): OwnedTable[] {
  const ordered: OwnedTable[] = []
  const seen = new Set<string>()
  const place = (table: (typeof tables)[number]) => {
    if (seen.has(table.name)) return
    seen.add(table.name)
    for (const other of tables) if (other.references.includes(table.name)) place(other)
    const { sql, name, column } = table
    ordered.push({ sql, name, column })
  }
  for (const table of tables) place(table)
  return ordered
}

/** A table with columns that say something about a person. */
export interface PersonalTable extends OwnedTable {
  /** Quoted columns, each with whether it takes NULL. */
  readonly personal: readonly { readonly sql: string; readonly nullable: boolean; readonly isText: boolean }[]
}

/** Tables of `public` with personal columns, as the system declares them. */
export async function readPersonalTables(
  session: OwnerSession,
  { personalColumns = {} }: SystemFacts,
): Promise<readonly PersonalTable[]> {
  const declared = Object.entries(personalColumns).map(([table, { columns, subject }]) => ({
    table,
    columns,
    subject,
  }))
  const { rows } = await session.query<PersonalTable>(
    `select pg_catalog.format('public.%I', d."table") as sql, 'public.' || d."table" as name,
       pg_catalog.format('%I', d.subject) as "column",
       (select pg_catalog.json_agg(pg_catalog.json_build_object('sql', pg_catalog.format('%I', a.attname),
            'nullable', not a.attnotnull, 'isText', t.typcategory = 'S') order by a.attnum)
        from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
        where a.attrelid = pg_catalog.format('public.%I', d."table")::pg_catalog.regclass
          and a.attname = any (array(select pg_catalog.jsonb_array_elements_text(d.columns)))) as personal
     from pg_catalog.jsonb_to_recordset($1) d("table" text, columns jsonb, subject text)
     order by 2`,
    [JSON.stringify(declared)],
  )
  return rows
}

/** How many rows of each table name this owner; tables without any are left out. */
export async function countOwned(
  session: OwnerSession,
  tables: readonly OwnedTable[],
  owner: string,
): Promise<readonly { readonly table: string; readonly rows: number }[]> {
  const counts: { table: string; rows: number }[] = []
  for (const { sql, name, column } of tables) {
    const { rows } = await session.query<{ count: string }>(
      `select pg_catalog.count(*) as count from ${sql} where ${column}::text = $1`,
      [owner],
    )
    const count = Number(rows[0]!.count)
    if (count > 0) counts.push({ table: name, rows: count })
  }
  return counts
}
