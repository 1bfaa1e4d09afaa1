import type pg from 'pg'
import type { SystemFacts } from '../../system/index.ts'
import { columnsText, type SetColumn, type SetTable } from '../set/tenant-set.ts'

/** Stands for the whole project where a tenant is named; no tenant of this key is backed up by itself. */
export const wholeProject = '*'

/** What the new database has of its own: what was applied to it, which backups there are, who runs jobs. */
const left = [
  'plinth.migrations',
  'plinth.backups',
  'plinth.backup_heads',
  'plinth.backup_receipts',
  'plinth.restores',
  'plinth.jobs',
  'plinth.job_nodes',
  'graphile_worker.migrations',
]

interface TableRow {
  readonly relation: string
  readonly name: string
  readonly schema: string
  readonly sql: string
  readonly columns: readonly SetColumn[]
  readonly key: readonly string[]
}

/**
 * Every table that the owner has, whatever put it there: accounts, files, queued jobs, what capabilities keep. Positions in
 * the WAL mean nothing in another cluster, so tables that hold one begin anew, as the journal does.
 */
export async function readProjectSet(
  client: Pick<pg.Client, 'query'>,
  { personalColumns = {} }: SystemFacts,
): Promise<readonly SetTable[]> {
  const { rows } = await client.query<TableRow>(tablesText)
  return rows
    .filter(
      ({ relation, columns }) => !left.includes(relation) && !columns.some(({ type }) => type === 'pg_lsn'),
    )
    .map((row) => {
      const personal = row.schema === 'public' ? personalColumns[row.name] : undefined
      const key = row.key.length > 0 ? row.key : row.columns.map(({ name }) => name)
      return {
        relation: row.relation,
        sql: row.sql,
        tenantColumn: null,
        isRoot: false,
        columns: row.columns,
        key: key.map((name) => row.columns.find((column) => column.name === name)!),
        isJournalled: false,
        personal: personal?.columns ?? [],
        subject: personal?.subject ?? null,
        isFact: false,
      }
    })
}

const tablesText = `
  select n.nspname || '.' || c.relname as relation, c.relname::text as name, n.nspname::text as schema,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as sql,
    array(select a.attname::text from pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::int2[]) with ordinality k(attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary order by k.place) as key,
    ${columnsText} as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
    and n.nspname not in ('pg_catalog', 'information_schema', 'plinth_journal')
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
  order by c.oid`
