import { sql, type Transaction } from '../../database/index.ts'
import type { OrderLine } from '../fold/movements.ts'
import type { FoldContext } from '../orders/fold-context.ts'
import type { PaymentOrder } from '../orders/payment-hooks.ts'
import { periodEnd, periodEndAfter } from './periods.ts'
import {
  lockSubscription,
  type Subscription,
  type SubscriptionPatch,
  writeSubscription,
} from './subscription.ts'
import { nextStatus, type SubscriptionChange } from './subscription-states.ts'

/** Orders of subscriptions have this purpose; their details say of which subscription and for what. */
export const subscriptionPurpose = 'subscription'

const dayMilliseconds = 86_400_000
/** Days before a period ends at which the next one is asked for. */
const renewalDays = 3
export const renewalMilliseconds = renewalDays * dayMilliseconds
/** Days after its end at which an unpaid subscription expires. */
const graceDays = 7

/** Parts of what a period costs: as the system says, else all of it to the account `subscriptions`. */
export const subscriptionLines = (
  context: FoldContext,
  amount: number,
  subscription: Subscription,
): OrderLine[] =>
  context.subscriptionLines?.(amount, subscription) ?? [{ account: 'subscriptions', kind: 'income', amount }]

/** Writes a change, grants what the new period or plan allows, and tells the system. */
export async function applyChange(
  transaction: Transaction,
  context: FoldContext,
  before: Subscription,
  patch: SubscriptionPatch,
): Promise<Subscription> {
  const now = context.clock.now()
  await writeSubscription(transaction, before, patch, now)
  const after = (await lockSubscription(transaction, before.id))!
  const { rows } = await transaction.query<{ name: string; granted: string; expires_at: string }>(
    sql`select name, granted, expires_at::text from plinth.grant_allowances(${before.id})`,
  )
  for (const { name, granted, expires_at } of rows)
    await context.hooks.onGranted?.(
      { subscription: after, name, amount: Number(granted), expiresAt: new Date(expires_at) },
      transaction,
    )
  await context.hooks.onSubscriptionChanged?.({ subscription: after, before }, transaction)
  return after
}

/** Begins a subscription that nobody has to approve any more: with a trial, for nothing, or with an order to pay. */
export async function beginSubscription(
  transaction: Transaction,
  context: FoldContext,
  subscription: Subscription,
): Promise<Subscription> {
  const now = context.clock.now()
  const days = await trialDaysOf(transaction, subscription)
  if (days > 0) {
    const end = new Date(now.getTime() + days * dayMilliseconds)
    const trial = {
      status: 'trialing',
      periodStart: now,
      periodEnd: end,
      anchor: end,
      trialUsed: true,
    } as const
    return applyChange(transaction, context, subscription, trial)
  }
  const waiting = { ...subscription, status: 'incomplete' as const }
  if (subscription.amount === 0)
    return applyChange(transaction, context, subscription, firstPeriod(waiting, now))
  await orderPeriod(transaction, context, waiting, subscription.price, null)
  return subscription.status === 'incomplete'
    ? subscription
    : applyChange(transaction, context, subscription, { status: 'incomplete' })
}

/** A subject has one trial, whatever plans it had. */
export async function trialDaysOf(
  { query }: Pick<Transaction, 'query'>,
  { id, tenant, subject, plan }: Subscription,
): Promise<number> {
  const { rows } = await query<{ days: number }>(sql`
    select trial_days as days from plinth.plans
    where id = ${plan} and not exists (
      select from plinth.subscriptions
      where tenant = ${tenant} and subject = ${subject} and trial_used and id <> ${id})`)
  return rows[0]?.days ?? 0
}

const firstPeriod = (subscription: Subscription, now: Date): SubscriptionPatch => ({
  status: moved(subscription, 'paid'),
  anchor: now,
  periodStart: now,
  periodEnd: periodEnd(now, subscription, 1),
})

const moved = ({ status }: Subscription, event: SubscriptionChange) => nextStatus(status, event) ?? status

/** The order for a period, made once; `start` is null for the first one, which begins when it is paid. */
async function orderPeriod(
  transaction: Transaction,
  context: FoldContext,
  subscription: Subscription,
  price: string,
  start: Date | null,
): Promise<void> {
  const { id } = subscription
  const reference = `${id} ${start?.toISOString() ?? 'first'}`
  const { rows: known } = await transaction.query<{ id: string }>(sql`
    select id from plinth.payment_orders where purpose = ${subscriptionPurpose} and reference = ${reference}`)
  if (known.length > 0) return
  const order = await orderFor(transaction, context, subscription, {
    reference,
    amount: await amountOf(transaction, price),
    details: { subscription: id, kind: 'period', price },
  })
  await context.hooks.onSubscriptionDue?.({ subscription, order }, transaction)
}

export async function amountOf({ query }: Transaction, price: string): Promise<number> {
  const { rows } = await query<{ amount: string }>(
    sql`select amount from plinth.plan_prices where id = ${price}`,
  )
  return Number(rows[0]!.amount)
}

/** Makes an order of a subscription; gives its id. */
export async function orderFor(
  { query }: Transaction,
  context: FoldContext,
  subscription: Subscription,
  {
    reference,
    amount,
    details,
  }: { readonly reference: string; readonly amount: number; readonly details: object },
): Promise<string> {
  const lines = subscriptionLines(context, amount, subscription)
  const { rows } = await query<{ id: string }>(sql`
    select plinth.create_payment_order(${subscription.tenant}, ${subscriptionPurpose}, ${reference}, ${amount},
      ${subscription.currency}, ${JSON.stringify(lines)}, ${subscription.person}, ${JSON.stringify(details)}) as id`)
  return rows[0]!.id
}

/** What an order of a subscription that was paid leads to. Runs once for an order. */
export async function subscriptionOrderPaid(
  transaction: Transaction,
  context: FoldContext,
  order: PaymentOrder,
): Promise<void> {
  const details = order.details as {
    subscription?: string
    kind?: string
    price?: string
    periodStart?: string
  }
  const subscription = await lockSubscription(transaction, details.subscription ?? '')
  if (!subscription) return
  const now = context.clock.now()
  if (subscription.status === 'cancelled' || subscription.status === 'expired') {
    await giveBack(transaction, order)
  } else if (details.kind === 'change') {
    const isSamePeriod = subscription.periodStart?.toISOString() === details.periodStart
    const isLive = subscription.status === 'active' || subscription.status === 'past_due'
    if (isSamePeriod && isLive) await switchPrice(transaction, context, subscription, details.price!)
    else await giveBack(transaction, order)
  } else if (subscription.status === 'incomplete') {
    await applyChange(transaction, context, subscription, firstPeriod(subscription, now))
  } else {
    await advance(transaction, context, subscription)
  }
}

/** Paid for what had ended meanwhile. What people paid by hand is theirs to give back. */
async function giveBack({ query }: Transaction, { id, state }: PaymentOrder): Promise<void> {
  if (Object.values(state.payments).every(({ provider }) => provider === 'manual')) return
  await query(sql`select plinth.request_refund(${id}, 'the subscription had ended')`)
}

export async function switchPrice(
  transaction: Transaction,
  context: FoldContext,
  subscription: Subscription,
  price: string,
): Promise<Subscription> {
  const { rows } = await transaction.query<{ plan: string }>(
    sql`select plan from plinth.plan_prices where id = ${price}`,
  )
  return applyChange(transaction, context, subscription, { price, plan: rows[0]!.plan, nextPrice: null })
}

/** Goes on to the period that has begun, where it is paid or free; as many as have passed. */
async function advance(
  transaction: Transaction,
  context: FoldContext,
  subscription: Subscription,
): Promise<Subscription> {
  const now = context.clock.now()
  let current = subscription
  while (current.periodEnd && current.periodEnd <= now) {
    const price = current.nextPrice ?? current.price
    if ((await amountOf(transaction, price)) > 0 && !(await isPaid(transaction, current))) return current
    const { rows } = await transaction.query<{ plan: string; unit: Subscription['unit']; units: number }>(
      sql`select plan, unit, units from plinth.plan_prices where id = ${price}`,
    )
    const { plan, unit, units } = rows[0]!
    const anchor = price === current.price ? (current.anchor ?? current.periodEnd) : current.periodEnd
    current = await applyChange(transaction, context, current, {
      status: moved(current, 'paid'),
      plan,
      price,
      nextPrice: null,
      anchor,
      periodStart: current.periodEnd,
      periodEnd: periodEndAfter(anchor, { unit, units }, current.periodEnd),
    })
  }
  return current
}

async function isPaid({ query }: Transaction, { id, periodEnd: start }: Subscription): Promise<boolean> {
  const { rowCount } = await query(sql`
    select from plinth.payment_orders o join plinth.payment_effects e on e.target = o.id and e.key = 'paid'
    where o.purpose = ${subscriptionPurpose} and o.reference = ${`${id} ${start!.toISOString()}`} and o.status = 'paid'`)
  return rowCount === 1
}

/** What time does to a subscription: renewals are asked for, ended periods go on or become overdue, overdue ones expire. */
export async function tickSubscription(
  transaction: Transaction,
  context: FoldContext,
  id: string,
): Promise<void> {
  const found = await lockSubscription(transaction, id)
  if (found?.manager !== 'plinth') return
  const now = context.clock.now()
  const later = (from: Date, days: number) => new Date(from.getTime() + days * dayMilliseconds)
  const change = (event: SubscriptionChange) =>
    applyChange(transaction, context, found, { status: moved(found, event) })
  if (found.status === 'incomplete') {
    if (later(found.createdAt, graceDays) <= now) await change('given_up')
    return
  }
  const { periodEnd: end } = found
  if (!end || nextStatus(found.status, 'paid') === null) return
  if (found.cancelAtPeriodEnd) {
    if (end <= now) await change('cancelled')
    return
  }
  const price = found.nextPrice ?? found.price
  if (later(end, -renewalDays) <= now && (await amountOf(transaction, price)) > 0)
    await orderPeriod(transaction, context, found, price, end)
  if (end > now) return
  const current = await advance(transaction, context, found)
  if (current.periodEnd! > now) return
  const isOver = later(current.periodEnd!, graceDays) <= now
  const event = isOver && current.status === 'past_due' ? 'given_up' : 'unpaid'
  const status = nextStatus(current.status, event)
  if (status) await applyChange(transaction, context, current, { status })
}
