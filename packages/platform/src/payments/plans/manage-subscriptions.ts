import { isSqlError, sql, type Transaction } from '../../database/index.ts'
import { paymentErrors } from '../errors.ts'
import type { FoldContext } from '../orders/fold-context.ts'
import type { PeriodUnit } from './periods.ts'
import { prorate } from './prorate.ts'
import {
  amountOf,
  applyChange,
  beginSubscription,
  orderFor,
  subscriptionPurpose,
  switchPrice,
} from './run-subscription.ts'
import { lockSubscription, readSubscription, type Subscription } from './subscription.ts'
import { nextStatus } from './subscription-states.ts'

/** A plan as a system defines it. Entitlements are asked in SQL: `plinth.entitlement(tenant, subject, name)`. */
export interface NewPlan {
  readonly id: string
  readonly name: string
  /** For lists, the cheapest first. Default 0. */
  readonly rank?: number
  /** Default 0: no trial. A subject has one trial, whatever the plan. */
  readonly trialDays?: number
  /** Whether an operator lets each subscription in. Default false. */
  readonly needsApproval?: boolean
  readonly entitlements?: Readonly<Record<string, unknown>>
  /** Units that each period grants: `{ credits: 1000 }`. */
  readonly allowances?: Readonly<Record<string, number>>
  readonly prices: readonly NewPrice[]
}

export interface NewPrice {
  readonly currency: string
  /** Minor units for a period; 0 for a free plan. */
  readonly amount: number
  /** Default a month. */
  readonly unit?: PeriodUnit
  readonly units?: number
  /** Default: always. Subscribers keep their price until the next period. */
  readonly validFrom?: Date
  /** Its id at providers that manage subscriptions themselves: `{ stripe: 'price_…' }`. */
  readonly providerPrices?: Readonly<Record<string, string>>
}

export interface NewSubscription {
  readonly tenant?: string
  /** Who enjoys it, in the words of the system: the id of a shop or of a user. One live subscription each. */
  readonly subject: string
  /** Who pays. */
  readonly person?: string | null
  readonly plan: string
  readonly currency: string
  readonly unit?: PeriodUnit
  readonly units?: number
  /** Who renews it. Default `plinth`. */
  readonly manager?: Subscription['manager']
}

/** Defines a plan or changes one; a price of another amount is another row, from its date on. */
export async function definePlan({ query }: Transaction, plan: NewPlan): Promise<void> {
  const {
    id,
    name,
    rank = 0,
    trialDays = 0,
    needsApproval = false,
    entitlements = {},
    allowances = {},
  } = plan
  await query(sql`
    insert into plinth.plans (id, name, rank, trial_days, needs_approval, entitlements, allowances)
    values (${id}, ${name}, ${rank}, ${trialDays}, ${needsApproval}, ${JSON.stringify(entitlements)}, ${JSON.stringify(allowances)})
    on conflict (id) do update set name = excluded.name, rank = excluded.rank, trial_days = excluded.trial_days,
      needs_approval = excluded.needs_approval, entitlements = excluded.entitlements, allowances = excluded.allowances`)
  for (const price of plan.prices) {
    const { currency, amount, unit = 'month', units = 1, validFrom = null, providerPrices = {} } = price
    await query(sql`
      insert into plinth.plan_prices (plan, currency, amount, unit, units, valid_from, provider_prices)
      values (${id}, ${currency}, ${amount}, ${unit}, ${units}, coalesce(${validFrom}::timestamptz, '-infinity'), ${JSON.stringify(providerPrices)})
      on conflict (plan, currency, unit, units, valid_from) do update
        set amount = excluded.amount, provider_prices = excluded.provider_prices`)
  }
}

async function findPrice(
  { query }: Transaction,
  {
    plan,
    currency,
    unit = 'month',
    units = 1,
  }: Pick<NewSubscription, 'plan' | 'currency' | 'unit' | 'units'>,
  now: Date,
): Promise<{ readonly id: string; readonly needsApproval: boolean }> {
  const { rows } = await query<{ id: string | null; needs_approval: boolean }>(sql`
    select plinth.plan_price(id, ${currency}, ${unit}, ${units}, ${now}) as id, needs_approval
    from plinth.plans where id = ${plan} and open`)
  const row = rows[0]
  if (!row?.id) throw paymentErrors.plan_unknown({ plan, currency })
  return { id: row.id, needsApproval: row.needs_approval }
}

/** Fails with `plan_unknown` or `subscription_exists`. */
export async function subscribe(
  transaction: Transaction,
  context: FoldContext,
  given: NewSubscription,
): Promise<Subscription> {
  const { tenant = '', subject, person = null, plan, manager = 'plinth' } = given
  const now = context.clock.now()
  const price = await findPrice(transaction, given, now)
  const status = price.needsApproval ? 'pending_approval' : 'incomplete'
  const { rows } = await transaction
    .query<{ id: string }>(sql`
      insert into plinth.subscriptions (tenant, subject, person, plan, price, status, manager, created_at, changed_at)
      values (${tenant}, ${subject}, ${person}, ${plan}, ${price.id}, ${status}, ${manager}, ${now}, ${now}) returning id`)
    .catch((error: unknown) => {
      if (isSqlError(error) && error.code === '23505')
        throw paymentErrors.subscription_exists({ subject }, error)
      throw error
    })
  const made = (await readSubscription(transaction, rows[0]!.id))!
  // What a provider manages begins with its checkout, trial included.
  if (price.needsApproval || manager !== 'plinth') return made
  return beginSubscription(transaction, context, made)
}

async function need(transaction: Transaction, id: string): Promise<Subscription> {
  const found = await lockSubscription(transaction, id)
  if (!found) throw paymentErrors.subscription_unknown({ id })
  return found
}

/** Lets a subscription in that waits for it; otherwise nothing happens. Fails with `subscription_unknown`. */
export async function approveSubscription(
  transaction: Transaction,
  context: FoldContext,
  id: string,
  by: string,
): Promise<Subscription> {
  const found = await need(transaction, id)
  const status = nextStatus(found.status, 'approved')
  if (!status) return found
  await transaction.query(sql`
    update plinth.subscriptions set approved_by = ${by}, approved_at = ${context.clock.now()} where id = ${id}`)
  if (found.manager !== 'plinth') return applyChange(transaction, context, found, { status })
  return beginSubscription(transaction, context, found)
}

export interface PlanChange {
  readonly subscription: Subscription
  /** What has to be paid for the change to happen now; null where it happens by itself. */
  readonly order: string | null
}

/**
 * Changes the plan of a subscription. A dearer plan of the same period begins as soon as the difference for the rest of the
 * period is paid; any other begins with the next period and gives nothing back; the plan that it has already takes back what
 * was to come. During a trial the change is free, and so it is while a provider's checkout waits. Fails with `subscription_unknown`, `plan_unknown`, `subscription_over`.
 */
export async function changePlan(
  transaction: Transaction,
  context: FoldContext,
  id: string,
  wanted: Pick<NewSubscription, 'plan' | 'unit' | 'units'>,
): Promise<PlanChange> {
  const found = await need(transaction, id)
  const now = context.clock.now()
  const { unit = found.unit, units = found.units } = wanted
  const { id: price } = await findPrice(
    transaction,
    { ...wanted, unit, units, currency: found.currency },
    now,
  )
  if (price === found.price) {
    const subscription = found.nextPrice
      ? await applyChange(transaction, context, found, { nextPrice: null })
      : found
    return { subscription, order: null }
  }
  // Nothing is paid yet, and the provider is told with the next checkout.
  const isWaiting = found.status === 'incomplete' && found.manager !== 'plinth'
  if (found.status === 'trialing' || isWaiting)
    return { subscription: await switchPrice(transaction, context, found, price), order: null }
  if (found.status !== 'active') throw paymentErrors.subscription_over({ id, status: found.status })
  const amount = await amountOf(transaction, price)
  const isDearer = amount > found.amount && unit === found.unit && units === found.units
  if (!isDearer)
    return { subscription: await applyChange(transaction, context, found, { nextPrice: price }), order: null }
  const period = { start: found.periodStart!, end: found.periodEnd!, now }
  const due = prorate(found.amount, amount, period)
  if (due === 0) return { subscription: await switchPrice(transaction, context, found, price), order: null }
  return { subscription: found, order: await orderChange(transaction, context, found, price, due) }
}

/** One order for a change that nobody has paid yet; what it costs was computed when it was asked for first. */
async function orderChange(
  transaction: Transaction,
  context: FoldContext,
  subscription: Subscription,
  price: string,
  amount: number,
): Promise<string> {
  const periodStart = subscription.periodStart!.toISOString()
  const { rows } = await transaction.query<{ id: string; status: string; price: string }>(sql`
    select id, status, details ->> 'price' as price from plinth.payment_orders
    where purpose = ${subscriptionPurpose} and details ->> 'subscription' = ${subscription.id}
      and details ->> 'kind' = 'change' and details ->> 'periodStart' = ${periodStart}`)
  const open = rows.find((row) => row.price === price && row.status === 'open')
  if (open) return open.id
  return orderFor(transaction, context, subscription, {
    reference: `${subscription.id} change ${periodStart} ${rows.length + 1}`,
    amount,
    details: { subscription: subscription.id, kind: 'change', price, periodStart },
  })
}

/** Ends it with its period, or at once. Fails with `subscription_unknown`. */
export async function cancelSubscription(
  transaction: Transaction,
  context: FoldContext,
  id: string,
  { immediately = false }: { readonly immediately?: boolean } = {},
): Promise<Subscription> {
  const found = await need(transaction, id)
  const status = nextStatus(found.status, 'cancelled')
  if (!status) return found
  const isRunning = found.periodEnd !== null && found.periodEnd > context.clock.now()
  return applyChange(
    transaction,
    context,
    found,
    immediately || !isRunning ? { status } : { cancelAtPeriodEnd: true, nextPrice: null },
  )
}

/** Takes back a cancellation that has not come yet. Fails with `subscription_unknown` or `subscription_over`. */
export async function resumeSubscription(
  transaction: Transaction,
  context: FoldContext,
  id: string,
): Promise<Subscription> {
  const found = await need(transaction, id)
  if (nextStatus(found.status, 'cancelled') === null)
    throw paymentErrors.subscription_over({ id, status: found.status })
  return found.cancelAtPeriodEnd
    ? applyChange(transaction, context, found, { cancelAtPeriodEnd: false })
    : found
}

/** The order that a subscription waits for; null when nothing is to be paid. */
export async function dueOrder({ query }: Pick<Transaction, 'query'>, id: string): Promise<string | null> {
  const { rows } = await query<{ id: string }>(sql`
    select id from plinth.payment_orders
    where purpose = ${subscriptionPurpose} and details ->> 'subscription' = ${id} and details ->> 'kind' = 'period'
      and status in ('open', 'failed', 'expired', 'underpaid') order by created_at desc limit 1`)
  return rows[0]?.id ?? null
}
