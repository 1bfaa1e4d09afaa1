import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defaultSlot } from './default-slot.ts'
import { tailErrors } from './errors.ts'

const pollMilliseconds = 50
const defaultTimeout = 10_000

/**
 * As `Tail.settle`, for a process that does not hold the stream (a command beside the server): waits until the holder has
 * acknowledged everything that was committed before the call, so every durable consumer has stored it. Fails with
 * `tail_not_held` when nobody holds the stream and `tail_timeout` after `timeout` milliseconds.
 */
export async function settleElsewhere(database: ProjectDatabase, timeout = defaultTimeout): Promise<string> {
  const { system } = database
  const { rows } = await database.asOwner<{ position: string }>(
    sql`select pg_current_wal_insert_lsn()::text as position from pg_logical_emit_message(false, 'plinth.settle', '')`,
  )
  const { position } = rows[0]!
  const deadline = performance.now() + timeout
  while (!(await isAcknowledged(database, position))) {
    if (performance.now() > deadline) throw tailErrors.tail_timeout({ system, milliseconds: timeout })
    await wait(pollMilliseconds)
  }
  return position
}

async function isAcknowledged(database: ProjectDatabase, position: string): Promise<boolean> {
  const { rows } = await database.asOwner<{ active: boolean; reached: boolean }>(sql`
    select active, confirmed_flush_lsn >= ${position}::pg_lsn as reached
    from pg_replication_slots where slot_name = ${defaultSlot(database)}`)
  if (!rows[0]?.active) throw tailErrors.tail_not_held({ system: database.system })
  return rows[0].reached
}
