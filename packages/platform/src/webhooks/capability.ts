import { z } from 'zod'
import { type ProjectDatabase, type Statement, sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { createWebhookConsumer } from './create-webhook-consumer.ts'
import { readWebhookMigrations } from './migrations.ts'
import { pruneWebhooks } from './prune-webhooks.ts'
import { nextAttemptAt, sendDue } from './send-webhooks.ts'
import {
  addWebhookEndpoint,
  listWebhookEndpoints,
  type NewWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  type WebhookEndpoint,
} from './webhook-endpoints.ts'

/** A project's outgoing webhooks, for commands. */
export interface WebhooksOffer {
  /** The secret (`whsec_…`) is given this once. Fails with `webhook_url_invalid` or `webhook_address_private`. */
  add(endpoint: NewWebhookEndpoint): Promise<{ readonly id: string; readonly secret: string }>
  list(): Promise<readonly WebhookEndpoint[]>
  /** False when there is none of this id. */
  remove(id: string): Promise<boolean>
  /** Sends everything again that was made for the endpoint since then, under the same ids; gives how many messages. */
  replay(id: string, since: Date): Promise<number>
}

export const webhooksOffer = offerKey<WebhooksOffer>('webhooks')

/** The kind of job that delivers; the consumer adds one for each endpoint that has something to send. */
export const deliverJob = 'deliver-webhooks'

const settings = z.object({
  keepDays: z
    .number()
    .int()
    .min(4)
    .default(30)
    .describe('Days that a message can be sent again; attempts alone take three.'),
  privateAddresses: z
    .boolean()
    .default(false)
    .describe('Whether messages may go to private networks and to this machine.'),
})

/** Changes told to other systems, signed as Standard Webhooks describe. */
export const webhooks = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'webhooks',
    requires: ['journal'],
    migrations: readWebhookMigrations,
    settings,
    defaults,
    open: (project) => {
      const { database } = project
      const { keepDays, privateAddresses } = project.settings
      const key = project.deriveKey('webhooks')
      const offer: WebhooksOffer = {
        add: (endpoint) => addWebhookEndpoint(database, key, endpoint, { privateAddresses }),
        list: () => listWebhookEndpoints(database),
        remove: (id) => removeWebhookEndpoint(database, id),
        replay: async (id, since) => {
          const count = await replayWebhooks(database, id, since)
          if (count > 0) await database.asOwner(addDeliveries([id]))
          return count
        },
      }
      return {
        offer,
        consumers: {
          durable: [
            createWebhookConsumer({
              database,
              key,
              wake: async (transaction, endpoints) =>
                void (await transaction.query(addDeliveries(endpoints))),
            }),
          ],
        },
        jobs: [deliver(database, key, privateAddresses), resume(database), prune(database, keepDays)],
      }
    },
  })

/**
 * Sends what an endpoint has to get, then comes back when its next attempt is due. A dead endpoint keeps one of four
 * places for as long as it takes not to answer; other endpoints have theirs, and other kinds of job are not held up.
 */
export const deliver = (database: ProjectDatabase, key: Buffer, privateAddresses: boolean) =>
  defineJob({
    name: deliverJob,
    summary: 'Sends the webhook messages of one endpoint that are due.',
    payload: z.object({ endpoint: z.uuid() }),
    concurrency: 4,
    run: async ({ clock, log, signal, queue }, { endpoint }) => {
      const options = { database, key, clock, log, privateAddresses }
      while (!signal.aborted && (await sendDue(options, endpoint)) > 0);
      const next = await nextAttemptAt(database, endpoint)
      if (next) await queue(deliverJob, { endpoint }, { runAt: next, key: `again ${endpoint}` })
    },
  })

const addDeliveries = (endpoints: readonly string[]): Statement => sql`
  select plinth.add_job(${deliverJob}, jsonb_build_object('endpoint', id), null, 'now ' || id)
  from unnest(${endpoints}::uuid[]) id`

/** For endpoints that were switched on again, and for deliveries whose job failed for good. */
const resume = (database: ProjectDatabase) =>
  defineJob({
    name: 'resume-webhooks',
    summary: 'Sends what is overdue and for which no job is waiting.',
    schedule: { line: '*/10 * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      const overdue = new Date(clock.now().getTime() - overdueMilliseconds)
      const { rows } = await database.asOwner<{ id: string }>(sql`
        select distinct d.endpoint as id from plinth.webhook_deliveries d
        join plinth.webhook_endpoints e on e.id = d.endpoint and e.enabled where d.next_attempt_at < ${overdue}`)
      await database.asOwner(addDeliveries(rows.map(({ id }) => id)))
    },
  })

/** Longer than an attempt takes and than its lease lasts. */
const overdueMilliseconds = 120_000

const prune = (database: ProjectDatabase, keepDays: number) =>
  defineJob({
    name: 'prune-webhooks',
    summary: 'Forgets webhook messages that arrived, or were given up, longer ago than their retention.',
    schedule: { line: '45 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().min(4).default(keepDays) }),
    concurrency: 1,
    run: async ({ clock, log }, payload) => {
      const pruned = await pruneWebhooks({ database, clock, keepDays: payload.keepDays })
      if (pruned > 0) log.info({ pruned }, 'webhook messages forgotten')
    },
  })
