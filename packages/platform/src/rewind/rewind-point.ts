import { type ProjectDatabase, sql } from '../database/index.ts'
import { rewindErrors } from './errors.ts'

/** Where to go back to: an instant, or the number of the last change that stays (with all that its commit made). */
export type RewindTarget = Date | number

export interface RewindPoint {
  /** The last entry of the tenant's sequence that stays; 0 for none. */
  readonly sequence: number
  /** The last entry there is. */
  readonly last: number
}

interface FoundPoint {
  /** The last entry that was archived, when the point is before it. */
  readonly archived: string | null
  readonly first_undone: string | null
  /** Text with microseconds. */
  readonly undone_at: string | null
}

/**
 * The prefix of the tenant's sequence that a target means: up to before the first change that was committed after the
 * instant (commit times are not in the order of commits), or to the end of the commit that made the numbered change: half
 * a transaction was never a state. Refuses what the journal does not know: fails with
 * `rewind_unknown_point`, `rewind_archived`, `rewind_crosses_gap` or `rewind_table_younger`.
 */
export async function findRewindPoint(
  database: ProjectDatabase,
  tenant: string,
  target: RewindTarget,
  now: Date,
): Promise<RewindPoint> {
  const last = await readLast(database, tenant)
  requireSense(target, last, now)
  const instant = target instanceof Date ? target.toISOString() : null
  const number = target instanceof Date ? null : target
  const { rows } = await database.asJournal<FoundPoint>(sql`
    with undone as (
      select min(sequence) as sequence from plinth_journal.entries
      where tenant = ${tenant}
        and (sequence > ${number}::bigint and position is distinct from (
            select position from plinth_journal.entries where tenant = ${tenant} and sequence = ${number}::bigint)
          or committed_at > ${instant}::timestamptz)
    )
    select (select sequence from plinth_journal.anchors where tenant = ${tenant}
        and (sequence > ${number}::bigint or committed_at > ${instant}::timestamptz)) as archived,
      undone.sequence as first_undone,
      (select committed_at from plinth_journal.entries j where j.tenant = ${tenant} and j.sequence = undone.sequence) as undone_at
    from undone`)
  const found = rows[0]!
  if (found.archived !== null)
    throw rewindErrors.rewind_archived({ tenant, first: Number(found.archived) + 1 })
  const sequence = found.first_undone === null ? last : Number(found.first_undone) - 1
  await requireKnown(database, target, instant ?? found.undone_at)
  return { sequence, last }
}

async function readLast(database: ProjectDatabase, tenant: string): Promise<number> {
  const { rows } = await database.asJournal<{ sequence: string }>(
    sql`select sequence from plinth_journal.heads where tenant = ${tenant}`,
  )
  return Number(rows[0]?.sequence ?? 0)
}

function requireSense(target: RewindTarget, last: number, now: Date): void {
  const sensible =
    target instanceof Date
      ? target.getTime() <= now.getTime()
      : Number.isSafeInteger(target) && target >= 0 && target <= last
  if (!sensible) throw rewindErrors.rewind_unknown_point({ to: describeTarget(target), last })
}

/** Everything since `from` must be in the journal: no gap, and every table was journalled by then. */
async function requireKnown(
  database: ProjectDatabase,
  target: RewindTarget,
  from: string | null,
): Promise<void> {
  if (from === null) return
  const to = describeTarget(target)
  const gaps = await database.asJournal<{ noticed_at: string; reason: string }>(sql`
    select noticed_at, reason from plinth_journal.gaps where noticed_at > ${from}::timestamptz order by id desc limit 1`)
  const gap = gaps.rows[0]
  if (gap) throw rewindErrors.rewind_crosses_gap({ to, until: gap.noticed_at, reason: gap.reason })
  const young = await database.asJournal<{ relation: string; since: string }>(sql`
    select relation, since from plinth_journal.tables where since > ${from}::timestamptz order by since desc limit 1`)
  const table = young.rows[0]
  if (table) throw rewindErrors.rewind_table_younger({ table: table.relation, since: table.since, to })
}

export const describeTarget = (target: RewindTarget): string =>
  target instanceof Date && !Number.isNaN(target.getTime()) ? target.toISOString() : `change ${target}`
