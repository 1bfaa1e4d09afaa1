import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { hasCode } from '../kernel/index.ts'
import { tailErrors } from './errors.ts'
import { markMessagePrefix, type Tail } from './tail.ts'

const pollMilliseconds = 25
const defaultTimeout = 10_000

/**
 * Settles from a process that does not hold the stream (the command line, another node): resolves when the holder, who
 * may be anywhere, has acknowledged what was committed before the call, which it does for what is stored. Fails with
 * `tail_off` where PostgreSQL gives out no changes, `tail_not_followed` when nobody holds the stream, `tail_timeout` when the
 * holder lags behind.
 */
export function settleElsewhere(database: ProjectDatabase): Pick<Tail, 'settle'> {
  return {
    settle: async (timeout = defaultTimeout) => {
      const until = performance.now() + timeout
      // Where the mark is, not where the WAL ends: what others write after it is acknowledged once a second only.
      const { rows } = await database.asOwner<{ at: string; level: string }>(sql`
        select pg_catalog.pg_logical_emit_message(true, ${markMessagePrefix}, '')::text as at,
          pg_catalog.current_setting('wal_level') as level`)
      const { at, level } = rows[0]!
      if (level !== 'logical') throw tailErrors.tail_off({ system: database.system })
      for (;;) {
        const slot = await readSlot(database, at)
        if (slot?.stored) return at
        if (performance.now() > until) {
          if (!slot?.active) throw tailErrors.tail_not_followed({ system: database.system })
          throw tailErrors.tail_timeout({ system: database.system, milliseconds: timeout })
        }
        await wait(pollMilliseconds)
      }
    },
  }
}

/** Settles wherever the stream is followed, by this process or by another node. */
export const settleAnywhere = (
  tail: Pick<Tail, 'settle'>,
  database: ProjectDatabase,
): Pick<Tail, 'settle'> => ({
  settle: async (timeout) => {
    try {
      return await tail.settle(timeout)
    } catch (error) {
      if (!hasCode(error, 'tail_not_held')) throw error
      return settleElsewhere(database).settle(timeout)
    }
  },
})

async function readSlot(database: ProjectDatabase, at: string) {
  const { rows } = await database.asJournal<{ stored: boolean; active: boolean }>(sql`
    select greatest(confirmed_flush_lsn, recorded.settled) >= ${at}::pg_lsn as stored, active
    from pg_replication_slots join plinth_journal.slot recorded on recorded.slot = slot_name`)
  return rows[0]
}
