import { type ProjectDatabase, sql } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { Tail } from '../tail/index.ts'
import { rewindErrors } from './errors.ts'
import { findRewindPoint, type RewindTarget } from './rewind-point.ts'

export interface RewindOptions {
  readonly database: ProjectDatabase
  /** Asked to store everything that was committed before the rewind looks. */
  readonly tail: Pick<Tail, 'settle'>
  /** The journal's key, as in {@link createJournal}. */
  readonly key: Buffer
  readonly clock: Clock
  /** As the system declares tenants; empty for what belongs to the project as a whole. */
  readonly tenant: string
  readonly to: RewindTarget
}

/** What a rewind does to one table. */
export interface RewindTable {
  /** `schema.table`. */
  readonly table: string
  /** Rows that came since: they go. */
  readonly removed: number
  /** Rows that went since: they come back. */
  readonly restored: number
  /** Rows that changed since: they are as they were. */
  readonly reverted: number
}

export interface RewindPreview {
  readonly tenant: string
  /** The last change that stays. */
  readonly sequence: number
  /** How many changes are undone. */
  readonly undone: number
  readonly tables: readonly RewindTable[]
}

/**
 * What {@link applyRewind} would do now; changes nothing. Fails as {@link findRewindPoint} does, and with
 * `rewind_table_gone`.
 */
export async function previewRewind(options: RewindOptions): Promise<RewindPreview> {
  const { database, tenant } = options
  await options.tail.settle()
  const point = await findRewindPoint(database, tenant, options.to, options.clock.now())
  const tables = await countRows(database, tenant, point.sequence)
  await requireTables(
    database,
    tables.map(({ table }) => table),
  )
  return { tenant, sequence: point.sequence, undone: point.last - point.sequence, tables }
}

/** Leaving a table out would bring back half of what was there. */
async function requireTables(database: ProjectDatabase, relations: readonly string[]): Promise<void> {
  const { rows } = await database.asJournal<{ relation: string }>(sql`
    select relation from unnest(${relations}::text[]) touched(relation)
    where not exists (select from plinth_journal.tables t
      join pg_namespace n on n.nspname = split_part(t.relation, '.', 1)
      join pg_class c on c.relnamespace = n.oid and c.relname = substr(t.relation, strpos(t.relation, '.') + 1)
      where t.relation = touched.relation) limit 1`)
  if (rows[0]) throw rewindErrors.rewind_table_gone({ table: rows[0].relation })
}

async function countRows(database: ProjectDatabase, tenant: string, after: number): Promise<RewindTable[]> {
  const { rows } = await database.asJournal<
    Record<'table' | 'removed' | 'restored' | 'reverted', string>
  >(sql`
    with ends as (
      select relation, key,
        (array_agg(operation order by sequence))[1] = 'insert' as came,
        (array_agg(operation order by sequence desc))[1] = 'delete' as went
      from plinth_journal.entries where tenant = ${tenant} and sequence > ${after}
      group by relation, key
    )
    select relation as "table",
      count(*) filter (where came and not went) as removed,
      count(*) filter (where went and not came) as restored,
      count(*) filter (where not came and not went) as reverted
    from ends group by relation order by relation`)
  return rows.map((row) => ({
    table: row.table,
    removed: Number(row.removed),
    restored: Number(row.restored),
    reverted: Number(row.reverted),
  }))
}
