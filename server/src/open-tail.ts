import { join } from 'node:path'
import type { ProjectDatabase } from '@plinth/platform/database'
import type { HealthStatus } from '@plinth/platform/http'
import { createJournal, publishTables } from '@plinth/platform/journal'
import { type Clock, deriveKey, type Log } from '@plinth/platform/kernel'
import { type ChangeFeed, synchroniseRealtimeTables } from '@plinth/platform/realtime'
import type { SystemDeclaration } from '@plinth/platform/system'
import { createTail, type Tail, tailErrors } from '@plinth/platform/tail'
import { createWebhookConsumer, createWebhookSender, type WebhookSender } from '@plinth/platform/webhooks'

export interface TailOptions {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly sealingKey: Buffer
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
}

/** The project's stream of committed changes, with everything that has to have stored them. */
export interface ProjectTail {
  readonly tail: Tail
  /** Sends what the stream queued for other systems; idle until it is started. */
  readonly webhooks: WebhookSender
}

/** Opens the stream with the journal and the webhooks behind it; `start` sets each going. */
export async function openTail({
  system,
  database,
  sealingKey,
  dataDir,
  clock,
  log,
}: TailOptions): Promise<ProjectTail> {
  // What others have added to the publication stays in the stream.
  const also = await synchroniseRealtimeTables(database, system.realtimeTables)
  await publishTables(database, {
    also,
    journalled: system.journalledTables,
    realtime: system.realtimeTables,
    tenant: system.tenant,
    personal: system.personalColumns ?? {},
  })
  const journal = createJournal({ database, ...journalKeyOf(system, sealingKey, dataDir), clock, log })
  const key = webhookKeyOf(sealingKey)
  const webhooks = createWebhookSender({ database, key, clock, log })
  const queue = createWebhookConsumer({ database, key, onQueued: webhooks.wake })
  return { tail: createTail({ database, log, durable: [journal, queue] }), webhooks }
}

/** The key that seals webhooks' secrets and messages. */
export const webhookKeyOf = (sealingKey: Buffer): Buffer => deriveKey(sealingKey, 'webhooks')

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
