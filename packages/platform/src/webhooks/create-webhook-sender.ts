import { setTimeout as wait } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Clock, type Log, messageOf, unseal } from '../kernel/index.ts'

export interface WebhookSenderOptions {
  readonly database: ProjectDatabase
  /** As in {@link createWebhookConsumer}. */
  readonly key: Buffer
  readonly clock: Clock
  readonly log: Log
  /** How a request is made. Default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

/** Sends queued messages until their receivers have taken them. */
export interface WebhookSender {
  start(): void
  /** There may be something to send. */
  wake(): void
  /** Sends what is due now and gives how many attempts were made. */
  sendDue(): Promise<number>
  stop(): Promise<void>
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** After these pauses an attempt is repeated; after the last one the message is given up (about three days). */
export const webhookBackOff = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  hour,
  4 * hour,
  12 * hour,
  24 * hour,
  32 * hour,
]
const answerMilliseconds = 15 * second
/** While an attempt is under way no other node takes the message; after this long its node is taken for dead. */
const leaseMilliseconds = minute
const pollMilliseconds = 5 * second
const atOnce = 16

interface DueDelivery {
  readonly id: string
  readonly endpoint: string
  readonly url: string
  readonly sealed_payload: Buffer
  readonly sealed_secret: Buffer
  readonly attempts: number
}

interface Outcome {
  readonly status: number | null
  readonly problem: string | null
}

/**
 * At least once, signed as Standard Webhooks describes, with the message's id as `webhook-id` in every attempt. Any 2xx
 * is success; `410 Gone` switches the endpoint off; redirects are not followed.
 */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { database, key, clock, log, fetch: request = fetch } = options
  const stopping = new AbortController()
  let nudge = new AbortController()
  let running: Promise<void> | null = null

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      nudge = new AbortController()
      const sent = await sendDue().catch((error: unknown) => {
        log.warn({ problem: messageOf(error) }, 'webhooks could not be sent')
        return 0
      })
      if (sent > 0) continue
      const signal = AbortSignal.any([nudge.signal, stopping.signal])
      await wait(pollMilliseconds, undefined, { signal }).catch(() => undefined)
    }
  }

  async function sendDue(): Promise<number> {
    const now = clock.now()
    const { rows } = await database.asOwner<DueDelivery>(sql`
      with due as (
        select d.id from plinth.webhook_deliveries d
        join plinth.webhook_endpoints e on e.id = d.endpoint and e.enabled
        where d.next_attempt_at <= ${now} order by d.next_attempt_at, d.sequence
        limit ${atOnce} for update of d skip locked
      )
      update plinth.webhook_deliveries d
      set attempts = d.attempts + 1, next_attempt_at = ${new Date(now.getTime() + leaseMilliseconds)}
      from due, plinth.webhook_endpoints e where d.id = due.id and e.id = d.endpoint
      returning d.id, d.endpoint, e.url, d.sealed_payload, e.sealed_secret, d.attempts`)
    await Promise.all(rows.map(attempt))
    return rows.length
  }

  async function attempt(delivery: DueDelivery): Promise<void> {
    const outcome = await post(delivery)
    const { status, problem } = outcome
    const taken = status !== null && status >= 200 && status < 300
    const pause = webhookBackOff[delivery.attempts - 1]
    const again = taken || pause === undefined ? null : new Date(clock.now().getTime() + pause)
    if (!taken && again === null)
      log.error({ endpoint: delivery.endpoint, id: delivery.id }, 'a webhook was given up')
    await database.asOwner(sql`
      update plinth.webhook_deliveries set next_attempt_at = ${again}, delivered_at = ${taken ? clock.now() : null},
        last_status = ${status}, last_problem = ${problem} where id = ${delivery.id}`)
    if (status === 410)
      await database.asOwner(
        sql`update plinth.webhook_endpoints set enabled = false where id = ${delivery.endpoint}`,
      )
  }

  async function post(delivery: DueDelivery): Promise<Outcome> {
    try {
      const { id } = delivery
      const body = unseal(key, delivery.sealed_payload, id).toString()
      const secret = unseal(key, delivery.sealed_secret, delivery.endpoint).toString()
      const sentAt = clock.now()
      const answer = await request(delivery.url, {
        method: 'POST',
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(answerMilliseconds),
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
          'webhook-signature': new Webhook(secret).sign(id, sentAt, body),
        },
      })
      await answer.body?.cancel()
      return { status: answer.status, problem: answer.ok ? null : `answered ${answer.status}` }
    } catch (error) {
      return { status: null, problem: messageOf(error) }
    }
  }

  return {
    start: () => {
      running ??= run()
    },
    wake: () => nudge.abort(),
    sendDue,
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}
