import { join } from 'node:path'
import type { ProjectDatabase } from '@plinth/platform/database'
import type { HealthStatus } from '@plinth/platform/http'
import { type Clock, deriveKey, type Log } from '@plinth/platform/kernel'
import type { ChangeFeed } from '@plinth/platform/realtime'
import type { SystemDeclaration } from '@plinth/platform/system'
import {
  createJournal,
  createTail,
  synchronisePublication,
  type Tail,
  tailErrors,
} from '@plinth/platform/tail'

export interface TailOptions {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly sealingKey: Buffer
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
}

/** The project's stream of committed changes with the journal behind it; `start` sets it going. */
export async function openTail({
  system,
  database,
  sealingKey,
  dataDir,
  clock,
  log,
}: TailOptions): Promise<Tail> {
  await synchronisePublication(database, {
    journalled: system.journalledTables,
    realtime: system.realtimeTables,
    tenant: system.tenant,
  })
  const journal = createJournal({
    database,
    ...journalKeyOf(system, sealingKey, dataDir),
    clock,
    log,
  })
  return createTail({ database, log, durable: [journal] })
}

/** The key that seals a project's journal, and the folder in which its chain heads are kept beside the database. */
export const journalKeyOf = (system: SystemDeclaration, sealingKey: Buffer, dataDir: string) => ({
  key: deriveKey(sealingKey, 'journal'),
  folder: join(dataDir, 'journal', system.name),
})

/** In place of a tail where PostgreSQL gives out no changes: nothing comes, and who asks for changes is told so. */
export function standingFeed(system: string): ChangeFeed {
  const refuse = () => Promise.reject(tailErrors.tail_not_held({ system }))
  return {
    subscribe: () => () => undefined,
    holds: () => false,
    position: () => null,
    writeMark: refuse,
    synchronise: refuse,
  }
}

/** More than this behind, and what is live or journalled is late enough for an operator to know. Milliseconds. */
const tolerableLag = 10_000

/** What the health page says of a tail. */
export async function checkTail(tail: Tail): Promise<HealthStatus> {
  const health = await tail.health()
  const well =
    (health.state === 'following' || health.state === 'standby') && health.lagMilliseconds < tolerableLag
  return { status: well ? 'ok' : 'degraded', detail: { ...health } }
}
