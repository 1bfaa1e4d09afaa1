import type pg from 'pg'
import { rewindErrors } from './errors.ts'

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
  /** As `plinth_journal.shape_of` has it. */
  readonly shape: TableShape
}

/** As much of a table as it takes to find its rows. */
export interface KeyedTable extends Pick<RewindTableShape, 'relation' | 'sql'> {
  readonly key: readonly Pick<ColumnShape, 'sql' | 'type'>[]
}

export interface ColumnShape {
  readonly name: string
  /** Quoted, for SQL. */
  readonly sql: string
  /** With its modifiers: `numeric(12,2)`. */
  readonly type: string
  /** As SQL; null without one. */
  readonly default: string | null
  /** True where two rows may not have the same value, or where PostgreSQL takes no update. */
  readonly isExclusive: boolean
  /** `generated always as identity`. */
  readonly isAlwaysIdentity: boolean
}

/** What a table's values mean: columns by their number, which stays when they are renamed. */
export interface TableShape {
  readonly table: number
  /** Numbers of the primary key's columns. */
  readonly key: readonly number[] | null
  readonly columns: Readonly<Record<string, ShapedColumn>>
}

export interface ShapedColumn {
  readonly name: string
  readonly type: number
  readonly modifier: number
  readonly generated: boolean
  /** Labels of enums and attributes of composites in it. */
  readonly parts: Readonly<Record<string, unknown>>
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
  /** What becomes of the children when their parent goes; `restrict` stands for every other rule. */
  readonly onDelete: 'cascade' | 'set null' | 'restrict'
  /** Columns that become null then, quoted. */
  readonly nulled: readonly string[]
  /** Names of all columns of the child. */
  readonly columnsOfChild: readonly string[]
}

interface TableRow {
  readonly relation: string
  readonly sql: string
  readonly tenant_column: string | null
  readonly primary_key: readonly string[]
  readonly personal_columns: readonly string[]
  readonly columns: readonly ColumnShape[]
  readonly shape: TableShape
}

/** The shapes of all journalled tables. */
export async function readTableShapes(client: pg.Client): Promise<RewindTableShape[]> {
  const { rows } = await client.query<TableRow>(`
    select t.relation, format('%I.%I', n.nspname, c.relname) as sql, t.tenant_column, t.primary_key, t.personal_columns,
      plinth_journal.shape_of(c.oid) as shape,
      (select json_agg(json_build_object('name', a.attname, 'sql', quote_ident(a.attname),
          'type', format_type(a.atttypid, a.atttypmod), 'isAlwaysIdentity', a.attidentity = 'a',
          'default', (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = c.oid and d.adnum = a.attnum),
          'isExclusive', a.attidentity = 'a' or exists (
            select from pg_index i where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
              and (a.attnum = any (i.indkey) or exists (select from pg_depend p
                where p.classid = 'pg_class'::regclass and p.objid = i.indexrelid
                  and p.refclassid = 'pg_class'::regclass and p.refobjid = c.oid and p.refobjsubid = a.attnum)))
          ) order by a.attnum)
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
    key: row.primary_key.flatMap((name) => row.columns.find((column) => column.name === name) ?? []),
    columns: row.columns,
    personal: row.personal_columns,
    shape: row.shape,
  }))
}

/** The tables of these relations. Leaving one out would bring back half of what was there: `rewind_table_gone`. */
export function requireTables(
  tables: readonly RewindTableShape[],
  relations: readonly string[],
): RewindTableShape[] {
  return relations.map((relation) => {
    const table = tables.find((each) => each.relation === relation)
    if (!table) throw rewindErrors.rewind_table_gone({ table: relation })
    return table
  })
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
      has_any_column_privilege(p.oid, 'update') as "isLockable",
      case k.confdeltype when 'c' then 'cascade' when 'n' then 'set null' else 'restrict' end as "onDelete",
      array(select quote_ident(a.attname) from unnest(coalesce(nullif(k.confdelsetcols, '{}'), k.conkey)) e(attnum)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = e.attnum) as nulled,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
        as "columnsOfChild"
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid join pg_namespace cn on cn.oid = c.relnamespace
    join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
    where k.contype = 'f' and k.conparentid = 0
      and (cn.nspname || '.' || c.relname = any ($1) or pn.nspname || '.' || p.relname = any ($1))`,
    [relations],
  )
  return rows
}
