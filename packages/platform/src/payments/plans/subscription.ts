import { sql, type Transaction } from '../../database/index.ts'
import type { PeriodUnit } from './periods.ts'
import type { SubscriptionState } from './subscription-states.ts'

/** A subscription as hooks and handlers see it. */
export interface Subscription {
  readonly id: string
  readonly tenant: string
  /** Who enjoys it, in the words of the system. */
  readonly subject: string
  readonly person: string | null
  readonly plan: string
  /** What a period costs, in minor units. */
  readonly amount: number
  readonly currency: string
  readonly unit: PeriodUnit
  readonly units: number
  readonly status: SubscriptionState
  readonly manager: 'plinth' | 'stripe'
  /** The provider's id, where a provider manages it. */
  readonly object: string | null
  /** The provider's id of who pays; null until it told. */
  readonly customer: string | null
  readonly periodStart: Date | null
  readonly periodEnd: Date | null
  readonly anchor: Date | null
  readonly trialUsed: boolean
  readonly cancelAtPeriodEnd: boolean
  /** The price that the next period has, where it is another one. */
  readonly nextPrice: string | null
  readonly price: string
  readonly createdAt: Date
}

interface Row {
  readonly id: string
  readonly tenant: string
  readonly subject: string
  readonly person: string | null
  readonly plan: string
  readonly amount: string
  readonly currency: string
  readonly unit: PeriodUnit
  readonly units: number
  readonly status: SubscriptionState
  readonly manager: 'plinth' | 'stripe'
  readonly provider_object: string | null
  readonly customer: string | null
  readonly period_start: string | null
  readonly period_end: string | null
  readonly anchor: string | null
  readonly trial_used: boolean
  readonly cancel_at_period_end: boolean
  readonly next_price: string | null
  readonly price: string
  readonly created_at: string
}

const instant = (text: string | null): Date | null => (text === null ? null : new Date(text))

/** A subscription by its id, its row locked until the transaction ends. */
export async function lockSubscription(
  { query }: Transaction,
  id: string,
): Promise<Subscription | undefined> {
  await query(sql`select from plinth.subscriptions where id::text = ${id} for no key update`)
  return readSubscription({ query }, id)
}

export async function readSubscription(
  { query }: Pick<Transaction, 'query'>,
  id: string,
): Promise<Subscription | undefined> {
  const { rows } = await query<Row>(sql`
    select s.id, s.tenant, s.subject, s.person, s.plan, p.amount, p.currency, p.unit, p.units, s.status, s.manager,
      s.provider_object, s.period_start::text, s.period_end::text, s.anchor::text, s.trial_used, s.cancel_at_period_end,
      s.next_price, s.price, s.created_at::text, s.provider_customer as customer
    from plinth.subscriptions s join plinth.plan_prices p on p.id = s.price where s.id::text = ${id}`)
  const row = rows[0]
  if (!row) return undefined
  const {
    provider_object,
    period_start,
    period_end,
    anchor,
    trial_used,
    cancel_at_period_end,
    next_price,
    ...rest
  } = row
  const { created_at, amount, ...shared } = rest
  return {
    ...shared,
    amount: Number(amount),
    object: provider_object,
    periodStart: instant(period_start),
    periodEnd: instant(period_end),
    anchor: instant(anchor),
    trialUsed: trial_used,
    cancelAtPeriodEnd: cancel_at_period_end,
    nextPrice: next_price,
    createdAt: new Date(created_at),
  }
}

/** What changes of a subscription's row. */
export type SubscriptionPatch = Partial<
  Pick<
    Subscription,
    | 'plan'
    | 'price'
    | 'status'
    | 'periodStart'
    | 'periodEnd'
    | 'anchor'
    | 'trialUsed'
    | 'cancelAtPeriodEnd'
    | 'nextPrice'
    | 'object'
    | 'customer'
  >
>

export async function writeSubscription(
  { query }: Transaction,
  before: Subscription,
  patch: SubscriptionPatch,
  now: Date,
): Promise<void> {
  const next = { ...before, ...patch }
  await query(sql`
    update plinth.subscriptions set plan = ${next.plan}, price = ${next.price}, status = ${next.status},
      period_start = ${next.periodStart}, period_end = ${next.periodEnd}, anchor = ${next.anchor},
      trial_used = ${next.trialUsed}, cancel_at_period_end = ${next.cancelAtPeriodEnd}, next_price = ${next.nextPrice},
      provider_object = ${next.object}, provider_customer = ${next.customer}, changed_at = ${now}
    where id = ${before.id}`)
}
