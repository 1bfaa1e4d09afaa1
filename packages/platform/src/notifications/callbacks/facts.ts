import { type ProjectDatabase, sql } from '../../database/index.ts'
import { type Clock, seal } from '../../kernel/index.ts'
import { macOfAddress, suppress } from '../delivery/suppressions.ts'

export const factKinds = [
  'accepted',
  'delivered',
  'opened',
  'bounced',
  'complained',
  'failed',
  'unsubscribed',
  'other',
] as const

/** What a provider reported of one message. */
export interface Fact {
  readonly provider: string
  /** The provider's own id of the event: the same event twice is stored once. */
  readonly event: string
  readonly kind: (typeof factKinds)[number]
  /** Of the delivery, where the event names it. */
  readonly delivery: string | null
  /** Where not: the provider's id of the message. */
  readonly providerId: string | null
  /** A bounce that is final, a complaint or an unsubscription closes this address. */
  readonly closes?: {
    readonly channel: 'email' | 'sms'
    readonly address: string
    readonly scope: 'all' | 'marketing'
  }
  readonly at: Date
  /** As it came. */
  readonly raw: string
}

export interface FactOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  /** 32 bytes each. */
  readonly sealKey: Buffer
  readonly suppressionKey: Buffer
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Stores facts, each once, and folds their deliveries anew: the same in whatever order they come. Gives how many were new. */
export async function storeFacts(options: FactOptions, facts: readonly Fact[]): Promise<number> {
  let stored = 0
  for (const fact of facts) stored += (await storeFact(options, fact)) ? 1 : 0
  return stored
}

/** PostgreSQL has no NUL in its texts; no provider's id has one either. */
const storable = (text: string): string => text.replaceAll('\u0000', '')

async function storeFact(
  { database, clock, sealKey, suppressionKey }: FactOptions,
  fact: Fact,
): Promise<boolean> {
  const { provider, kind, closes, at, raw } = fact
  const event = storable(fact.event)
  const providerId = fact.providerId && storable(fact.providerId)
  const named = fact.delivery !== null && uuid.test(fact.delivery) ? fact.delivery : null
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ delivery: string | null }>(sql`
      insert into plinth.notification_facts (provider, event, kind, delivery, happened_at, received_at, sealed_raw)
      values (${provider}, ${event}, ${kind}, coalesce(${named}::uuid, (
          select id from plinth.notification_deliveries where provider = ${provider} and provider_id = ${providerId} limit 1)),
        ${at}, ${clock.now()}, ${seal(sealKey, raw, `${provider}/${event}`)})
      on conflict (provider, event) do nothing returning delivery`)
    const [fresh] = rows
    if (!fresh) return false
    if (fresh.delivery) await transaction.query(sql`select plinth.fold_notification_facts(${fresh.delivery})`)
    if (closes) {
      const reason = kind === 'complained' ? 'complaint' : kind === 'unsubscribed' ? 'unsubscribe' : 'bounce'
      const mac = macOfAddress(suppressionKey, closes.address)
      await transaction.query(suppress(closes.channel, mac, { scope: closes.scope, reason }, at))
    }
    return true
  })
}
