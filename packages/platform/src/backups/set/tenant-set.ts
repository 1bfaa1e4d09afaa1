import type pg from 'pg'
import type { SystemFacts, TenantDeclaration } from '../../system/index.ts'
import { backupErrors } from '../errors.ts'

/** A column that is written; generated ones are computed again. */
export interface SetColumn {
  readonly name: string
  /** Quoted, for SQL. */
  readonly sql: string
  /** With its modifiers. */
  readonly type: string
  readonly default: string | null
  readonly isNullable: boolean
  readonly isText: boolean
  readonly isJson: boolean
  /** True where two rows may not have the same value, or where PostgreSQL takes no update. */
  readonly isExclusive: boolean
  /** `generated always as identity`. */
  readonly isAlwaysIdentity: boolean
  /** The sequence that belongs to it, quoted; null without one. */
  readonly sequence: string | null
}

/** A table whose rows belong to a tenant. */
export interface SetTable {
  /** `schema.table`. */
  readonly relation: string
  /** Quoted, for SQL. */
  readonly sql: string
  /** The column that names the tenant; null where all rows belong to the one there is. */
  readonly tenantColumn: SetColumn | null
  readonly isRoot: boolean
  readonly columns: readonly SetColumn[]
  readonly key: readonly SetColumn[]
  readonly isJournalled: boolean
  /** Columns that are sealed under the key of the person in `subject`. */
  readonly personal: readonly string[]
  readonly subject: string | null
  /** Rows that are added when they are missing, and never changed or removed: facts. */
  readonly isFact: boolean
}

/** What of a system's tables a backup has, beside what its declaration says. */
export interface SetDeclaration {
  /** Tables that follow from others: they are not backed up; `afterRewind` brings them in line. */
  readonly derived?: readonly string[]
  /** Tables that no backup has and no restore touches: records of backups, logs of calls. */
  readonly leaves?: readonly string[]
  /** Tables of facts (payments): a restore adds what is missing, and never changes or removes a row. */
  readonly facts?: readonly string[]
}

interface TableRow {
  readonly relation: string
  readonly name: string
  readonly sql: string
  readonly tenant_column: string | null
  readonly columns: readonly SetColumn[]
  readonly key: readonly string[]
  readonly journalled: boolean
}

/**
 * The closed set of a tenant's tables, those that refer to others after them. An empty tenant stands for what belongs to
 * none: tables without the tenant's column; all tables in a system without tenants. Fails with `backup_table_without_key`.
 */
export async function readTenantSet(
  client: Pick<pg.Client, 'query'>,
  system: SystemFacts,
  tenant: string,
  { derived = [], leaves = [], facts = [] }: SetDeclaration,
): Promise<readonly SetTable[]> {
  const left = [...derived, ...leaves]
  const { rows } = await client.query<TableRow>(tablesText)
  const tables: SetTable[] = []
  for (const row of rows) {
    if (left.includes(row.name)) continue
    const tenantColumn = tenantColumnOf(row, system.tenant)
    if ((tenantColumn === null) !== (tenant === '')) continue
    if (row.key.length === 0) throw backupErrors.backup_table_without_key({ table: row.relation })
    const personal = system.personalColumns?.[row.name]
    tables.push({
      relation: row.relation,
      sql: row.sql,
      tenantColumn,
      isRoot: system.tenant?.table === row.name,
      columns: row.columns,
      key: row.key.map((name) => row.columns.find((column) => column.name === name)!),
      isJournalled: row.journalled,
      personal: personal?.columns ?? [],
      subject: personal?.subject ?? null,
      isFact: facts.includes(row.name),
    })
  }
  return tables
}

function tenantColumnOf(row: TableRow, tenant: TenantDeclaration | null): SetColumn | null {
  if (!tenant) return null
  const name = row.name === tenant.table ? (tenant.key ?? 'id') : tenant.column
  return row.columns.find((column) => column.name === name) ?? null
}

/** `t.shop_id = $1` of a table `t`, or what is true of all rows. */
export const ownedBy = (table: SetTable, parameter = '$1'): string =>
  table.tenantColumn === null
    ? `${parameter}::text is not null`
    : `t.${table.tenantColumn.sql} = ${parameter}::${table.tenantColumn.type}`

/** SQL of the columns of a table `c` in a schema `n`, as {@link SetColumn}s. */
export const columnsText = `(select pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'sql', pg_catalog.quote_ident(a.attname),
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'isNullable', not a.attnotnull,
        'isText', t.typcategory = 'S', 'isJson', a.atttypid in ('json'::pg_catalog.regtype, 'jsonb'::pg_catalog.regtype),
        'isAlwaysIdentity', a.attidentity = 'a',
        'default', (select pg_catalog.pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d
          where d.adrelid = c.oid and d.adnum = a.attnum),
        'sequence', pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.%I', n.nspname, c.relname), a.attname),
        'isExclusive', a.attidentity = 'a' or exists (
          select from pg_catalog.pg_index i where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
            and (a.attnum = any (i.indkey) or exists (select from pg_catalog.pg_depend p
              where p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.objid = i.indexrelid
                and p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.refobjid = c.oid and p.refobjsubid = a.attnum)))
        ) order by a.attnum)
      from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')`

const tablesText = `
  select n.nspname || '.' || c.relname as relation, c.relname::text as name, pg_catalog.format('%I.%I', n.nspname, c.relname) as sql,
    exists (select from plinth_journal.tables j where j.relation = n.nspname || '.' || c.relname) as journalled,
    array(select a.attname::text from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::int2[]) with ordinality k(attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary order by k.place) as key,
    ${columnsText} as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
  order by c.oid`
