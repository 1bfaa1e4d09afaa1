import type { ProjectDatabase } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import type { Tail } from '../tail/index.ts'

export async function checkDatabase(database: ProjectDatabase): Promise<HealthStatus> {
  await database.asOwner({ text: 'select' })
  return { status: 'ok', detail: { connections: database.usage() } }
}

/** More than this behind, and what is live or journalled is late enough for an operator to know. Milliseconds. */
const tolerableLag = 10_000

/** In other states PostgreSQL gives the slot up with the next checkpoint, or has already. */
const keptWal = ['reserved', 'extended']

/**
 * Degraded also for a day after changes were lost, while the WAL that is kept comes near its bound, and while a consumer
 * cannot store.
 */
export async function checkTail(tail: Tail): Promise<HealthStatus> {
  const health = await tail.health()
  const well =
    (health.state === 'following' || health.state === 'standby') &&
    health.lagMilliseconds < tolerableLag &&
    health.gap === null &&
    (health.walStatus === null || keptWal.includes(health.walStatus)) &&
    health.consumers.every(({ state }) => state === 'following')
  return { status: well ? 'ok' : 'degraded', detail: { ...health } }
}

/** Without logical replication the project runs; health says what is off and what would turn it on. */
export const withoutTail: HealthStatus = {
  status: 'degraded',
  detail: {
    off: 'realtime changes, journal, rewind',
    remedy: 'set wal_level = logical, let the administrator replicate, and restart',
  },
}
