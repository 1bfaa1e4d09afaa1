import { Webhook } from 'standardwebhooks'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Clock, type Log, messageOf, unseal } from '../kernel/index.ts'
import { postWebhook } from './post-webhook.ts'

export interface SendOptions {
  readonly database: ProjectDatabase
  /** As in {@link createWebhookConsumer}. */
  readonly key: Buffer
  readonly clock: Clock
  readonly log: Log
  /** Allows private, local and reserved addresses. Default false. */
  readonly privateAddresses?: boolean
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
/** Messages of one endpoint that are sent at the same time. */
const atOnce = 8

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
 * Sends up to eight messages of an endpoint that are due, the oldest first, and gives how many attempts were made. At
 * least once, signed as Standard Webhooks describes, with the message's id as `webhook-id` in every attempt. Any 2xx is
 * success; `410 Gone` switches the endpoint off; redirects are not followed.
 */
export async function sendDue(options: SendOptions, endpoint: string): Promise<number> {
  const now = options.clock.now()
  const { rows } = await options.database.asOwner<DueDelivery>(sql`
    with due as (
      select d.id from plinth.webhook_deliveries d
      join plinth.webhook_endpoints e on e.id = d.endpoint and e.enabled
      where d.endpoint = ${endpoint} and d.next_attempt_at <= ${now} order by d.next_attempt_at, d.sequence
      limit ${atOnce} for update of d skip locked
    )
    update plinth.webhook_deliveries d
    set attempts = d.attempts + 1, next_attempt_at = ${new Date(now.getTime() + leaseMilliseconds)}
    from due, plinth.webhook_endpoints e where d.id = due.id and e.id = d.endpoint
    returning d.id, d.endpoint, e.url, d.sealed_payload, e.sealed_secret, d.attempts`)
  await Promise.all(rows.map((delivery) => attempt(options, delivery)))
  return rows.length
}

/** When the next message of the endpoint is due; null when none waits. */
export async function nextAttemptAt(database: ProjectDatabase, endpoint: string): Promise<Date | null> {
  const { rows } = await database.asOwner<{ next: string | null }>(sql`
    select min(d.next_attempt_at) as next from plinth.webhook_deliveries d
    join plinth.webhook_endpoints e on e.id = d.endpoint and e.enabled where d.endpoint = ${endpoint}`)
  const next = rows[0]?.next
  return next ? new Date(next) : null
}

async function attempt(options: SendOptions, delivery: DueDelivery): Promise<void> {
  const { database, clock, log } = options
  const { status, problem } = await post(options, delivery)
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

async function post(
  { key, clock, privateAddresses = false }: SendOptions,
  delivery: DueDelivery,
): Promise<Outcome> {
  try {
    const { id } = delivery
    const body = unseal(key, delivery.sealed_payload, id).toString()
    const secret = unseal(key, delivery.sealed_secret, delivery.endpoint).toString()
    const sentAt = clock.now()
    const status = await postWebhook(delivery.url, {
      body,
      privateAddresses,
      signal: AbortSignal.timeout(answerMilliseconds),
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(id, sentAt, body),
      },
    })
    const taken = status >= 200 && status < 300
    return { status, problem: taken ? null : `answered ${status}` }
  } catch (error) {
    return { status: null, problem: messageOf(error) }
  }
}
