import type pg from 'pg'

/** A journalled table as it is now. */
export interface RewindTableShape {
  /** `schema.table`, as the journal names it. */
  readonly relation: string
  /** Quoted, for SQL. */
  readonly sql: string
  readonly tenantColumn: string | null
  readonly key: readonly ColumnShape[]
  /** All columns that can be written, in order. */
  readonly columns: readonly ColumnShape[]
  readonly personal: readonly string[]
}

export interface ColumnShape {
  readonly name: string
  /** Quoted, for SQL. */
  readonly sql: string
  /** With its modifiers: `numeric(12,2)`. */
  readonly type: string
}

/** A foreign key that has one of the tables at either end. */
export interface ForeignKey {
  readonly name: string
  readonly child: string
  readonly childSql: string
  readonly parent: string
  readonly parentSql: string
  readonly childColumns: readonly string[]
  readonly parentColumns: readonly string[]
  readonly types: readonly string[]
  /** True when rows of the parent may be held on to. */
  readonly isLockable: boolean
}

interface TableRow {
  readonly relation: string
  readonly sql: string
  readonly tenant_column: string | null
  readonly primary_key: readonly string[]
  readonly personal_columns: readonly string[]
  readonly columns: readonly ColumnShape[]
}

/** The shapes of all journalled tables, in the order in which they are locked. */
export async function readTableShapes(client: pg.Client): Promise<RewindTableShape[]> {
  const { rows } = await client.query<TableRow>(`
    select t.relation, format('%I.%I', n.nspname, c.relname) as sql, t.tenant_column, t.primary_key, t.personal_columns,
      (select json_agg(json_build_object('name', a.attname, 'sql', quote_ident(a.attname),
          'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
    from plinth_journal.tables t
    join pg_namespace n on n.nspname = split_part(t.relation, '.', 1)
    join pg_class c on c.relnamespace = n.oid and c.relname = substr(t.relation, strpos(t.relation, '.') + 1)
    order by c.oid`)
  return rows.map((row) => ({
    relation: row.relation,
    sql: row.sql,
    tenantColumn: row.tenant_column,
    key: row.primary_key.map((name) => row.columns.find((column) => column.name === name)!),
    columns: row.columns,
    personal: row.personal_columns,
  }))
}

/** Every foreign key from or to one of the relations. */
export async function readForeignKeys(
  client: pg.Client,
  relations: readonly string[],
): Promise<ForeignKey[]> {
  const { rows } = await client.query<ForeignKey>(
    `select k.conname as name,
      cn.nspname || '.' || c.relname as child, format('%I.%I', cn.nspname, c.relname) as "childSql",
      pn.nspname || '.' || p.relname as parent, format('%I.%I', pn.nspname, p.relname) as "parentSql",
      array(select quote_ident(a.attname) from unnest(k.conkey) with ordinality e(attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = e.attnum order by place) as "childColumns",
      array(select a.attname::text from unnest(k.confkey) with ordinality e(attnum, place)
        join pg_attribute a on a.attrelid = p.oid and a.attnum = e.attnum order by place) as "parentColumns",
      array(select format_type(a.atttypid, a.atttypmod) from unnest(k.confkey) with ordinality e(attnum, place)
        join pg_attribute a on a.attrelid = p.oid and a.attnum = e.attnum order by place) as types,
      has_any_column_privilege(p.oid, 'update') as "isLockable"
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid join pg_namespace cn on cn.oid = c.relnamespace
    join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
    where k.contype = 'f' and k.conparentid = 0
      and (cn.nspname || '.' || c.relname = any ($1) or pn.nspname || '.' || p.relname = any ($1))`,
    [relations],
  )
  return rows
}
