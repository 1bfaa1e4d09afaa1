import type { ProjectDatabase } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import type { Tail } from '../tail/index.ts'

export async function checkDatabase(database: ProjectDatabase): Promise<HealthStatus> {
  await database.asOwner({ text: 'select' })
  return { status: 'ok', detail: { connections: database.usage() } }
}

/** More than this behind, and what is live or journalled is late enough for an operator to know. Milliseconds. */
const tolerableLag = 10_000

export async function checkTail(tail: Tail): Promise<HealthStatus> {
  const health = await tail.health()
  const well =
    (health.state === 'following' || health.state === 'standby') && health.lagMilliseconds < tolerableLag
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
