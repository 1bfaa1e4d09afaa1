import { type ProjectDatabase, sql } from '../database/index.ts'
import type { TailHealth } from './tail.ts'

export type SlotHealth = Pick<TailHealth, 'retainedBytes' | 'walStatus' | 'gap'>

/** What PostgreSQL says of the slot, and the last gap; nothing when it cannot be asked. */
export async function readSlotHealth(database: ProjectDatabase, slot: string): Promise<SlotHealth> {
  const query = sql`
    select s.wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::text as retained,
      gap.reason, to_char(gap.noticed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as noticed_at
    from (select) one
    left join pg_replication_slots s on s.slot_name = ${slot}
    left join lateral (
      select reason, noticed_at from plinth_journal.gaps
      where reason <> 'beginning' and noticed_at > clock_timestamp() - interval '24 hours' order by id desc limit 1
    ) gap on true`
  const found = await database
    .asJournal<{
      wal_status: string | null
      retained: string | null
      reason: string | null
      noticed_at: string | null
    }>(query)
    .catch(() => null)
  const row = found?.rows[0]
  if (!row) return { retainedBytes: null, walStatus: null, gap: null }
  const { retained, wal_status: walStatus, reason, noticed_at: noticedAt } = row
  return {
    retainedBytes: retained === null ? null : Number(retained),
    walStatus,
    gap: reason === null || noticedAt === null ? null : { reason, noticedAt },
  }
}

/** True when more WAL is kept for the slot than may still be written before PostgreSQL gives it up. */
export async function isHalfUsedUp(
  database: ProjectDatabase,
  slot: string,
  mostBytes: number,
): Promise<boolean> {
  const { rows } = await database.asJournal<{ used: boolean }>(sql`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > least(safe_wal_size, ${mostBytes}::bigint) as used
    from pg_replication_slots where slot_name = ${slot}`)
  return rows[0]?.used ?? false
}
