import type { z } from 'zod'
import { periodEndAfter } from '../core/billing-periods.ts'
import { amountOf } from './catalog.ts'
import { redeem } from './discounts.ts'
import { invalid } from './failure.ts'
import { makeInvoice, pendingItems } from './invoice-draft.ts'
import { finalizeInvoice, tryInvoice } from './invoices.ts'
import { addPending, prorationLines } from './prorations.ts'
import { cycleLine, makeItem, periodOf } from './subscription-objects.ts'
import { type cancellation, type common, fieldsOf, type ItemGiven, priceOf } from './subscription-params.ts'
import { endSubscription, planNext } from './subscriptions.ts'
import type { Subscription, SubscriptionItem } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

interface Update extends z.output<z.ZodObject<typeof common>> {
  items?: ItemGiven[] | undefined
  billing_cycle_anchor?: 'now' | 'unchanged' | undefined
  cancellation_details?: z.output<typeof cancellation> | undefined
  proration_date?: number | undefined
  trial_end?: 'now' | number | undefined
}

export function updateSubscription(
  world: StripeWorld,
  subscription: Subscription,
  given: Update,
): Subscription {
  if (['canceled', 'incomplete_expired'].includes(subscription.status))
    throw invalid('A canceled subscription can only update its cancellation_details and metadata.')
  const before = structuredClone(subscription)
  if (given.items) applyItems(world, subscription, given.items)
  change(subscription, fieldsOf(world, given, subscription))
  if (given.discounts)
    subscription.discounts = given.discounts.map(
      (discount) =>
        redeem(world, discount, { customer: subscription.customer, subscription: subscription.id }).id,
    )
  setCancellation(world, subscription, given)
  if (given.trial_end !== undefined) moveTrial(world, subscription, given.trial_end)
  const invoiced = billChange(world, subscription, before, given)
  const previous = differences(before, subscription)
  if (Object.keys(previous).length > 0) world.emit('customer.subscription.updated', subscription, previous)
  planNext(world, subscription)
  if (invoiced) payNow(world, subscription, invoiced)
  return subscription
}

/** Items with an id are changed, others are added. */
export function applyItems(
  world: StripeWorld,
  subscription: Subscription,
  items: readonly ItemGiven[],
): void {
  const period = periodOf(subscription)
  for (const given of items) {
    const present = subscription.items.data.find(({ id }) => id === given.id)
    if (given.id && !present)
      throw invalid(`No such subscription item: '${given.id}'`, {
        code: 'resource_missing',
        param: 'items[0][id]',
      })
    if (present && given.deleted) {
      subscription.items.data = subscription.items.data.filter((item) => item !== present)
      continue
    }
    const price = present && !given.price && !given.price_data ? present.price : priceOf(world, given)
    const made = makeItem(
      world,
      subscription.id,
      { price, quantity: given.quantity ?? present?.quantity ?? 1 },
      period,
    )
    if (present)
      Object.assign(present, {
        price: made.price,
        plan: made.plan,
        quantity: made.quantity,
        metadata: patchMetadata(present, given.metadata),
      })
    else subscription.items.data.push(made)
  }
  if (subscription.items.data.length === 0)
    throw invalid('A subscription must have at least one active plan.')
}

export function setCancellation(
  world: StripeWorld,
  subscription: Subscription,
  given: Pick<Update, 'cancel_at' | 'cancel_at_period_end' | 'cancellation_details'>,
): void {
  const { cancel_at_period_end: atEnd, cancel_at: at, cancellation_details: details } = given
  if (details)
    subscription.cancellation_details = {
      ...subscription.cancellation_details!,
      comment: details.comment ?? null,
      feedback: details.feedback ?? null,
    }
  if (atEnd === undefined && at === undefined) return
  const cancels = atEnd || (at !== undefined && at !== null)
  change(subscription, {
    cancel_at_period_end: atEnd ?? false,
    cancel_at: atEnd ? periodOf(subscription).end : (at ?? null),
    canceled_at: cancels ? world.seconds() : null,
    cancellation_details: {
      ...subscription.cancellation_details!,
      reason: cancels ? 'cancellation_requested' : null,
    },
  })
  planNext(world, subscription)
}

function moveTrial(world: StripeWorld, subscription: Subscription, to: 'now' | number): void {
  const now = world.seconds()
  if (to === 'now' || to <= now) {
    change(subscription, { trial_end: now, status: 'active' })
    startPeriod(subscription, now)
    return
  }
  change(subscription, {
    trial_start: subscription.trial_start ?? now,
    trial_end: to,
    status: 'trialing',
    billing_cycle_anchor: to,
  })
  for (const item of subscription.items.data) item.current_period_end = to
}

export function startPeriod(subscription: Subscription, at: number): void {
  const end = periodEndAfter(at, at, subscription.items.data[0]!.price.recurring!)
  subscription.billing_cycle_anchor = at
  for (const item of subscription.items.data)
    Object.assign(item, { current_period_start: at, current_period_end: end })
}

const costOf = (items: readonly SubscriptionItem[]) =>
  items.reduce((sum, item) => sum + amountOf(item.price, item.quantity ?? 1), 0)

const cadenceOf = ({ items }: Subscription) => {
  const { interval, interval_count: every } = items.data[0]!.price.recurring!
  return `${every} ${interval}`
}

/** Bills what a change costs: now, or with the next invoice. Gives the invoice that is to be paid now. */
function billChange(
  world: StripeWorld,
  subscription: Subscription,
  before: Subscription,
  given: Update,
): string | undefined {
  const trialEnded = before.status === 'trialing' && subscription.status === 'active'
  const trialing = subscription.status === 'trialing'
  const behavior = given.proration_behavior ?? 'create_prorations'
  const restarts =
    given.billing_cycle_anchor === 'now' ||
    cadenceOf(before) !== cadenceOf(subscription) ||
    (costOf(before.items.data) === 0 && costOf(subscription.items.data) > 0)
  const at = given.proration_date ?? world.seconds()
  if (trialing) return undefined
  if (trialEnded) return billNow(world, subscription, true)
  if (restarts) {
    if (behavior !== 'none') addPending(world, subscription, prorationLines(world, before.items.data, [], at))
    startPeriod(subscription, world.seconds())
    return billNow(world, subscription, true)
  }
  if (!given.items || behavior === 'none') return undefined
  addPending(world, subscription, prorationLines(world, before.items.data, subscription.items.data, at))
  return behavior === 'always_invoice' ? billNow(world, subscription, false) : undefined
}

/** Makes the invoice of a change, with a whole period where one begins. */
export function billNow(
  world: StripeWorld,
  subscription: Subscription,
  wholePeriod: boolean,
): string | undefined {
  const customer = need(world.customers, 'customer', subscription.customer)
  const pending = pendingItems(world, customer.id, subscription.id)
  const lines = wholePeriod
    ? subscription.items.data.map((item) => cycleLine(world, item, periodOf(subscription)))
    : []
  if (pending.length + lines.length === 0) return undefined
  const collection = subscription.collection_method as 'charge_automatically'
  const invoice = makeInvoice(
    world,
    {
      customer,
      currency: subscription.currency,
      reason: 'subscription_update',
      lines,
      subscription,
      collection,
    },
    pending,
  )
  finalizeInvoice(world, invoice)
  return invoice.id
}

function payNow(world: StripeWorld, subscription: Subscription, id: string): void {
  const invoice = world.invoices.get(id)
  if (invoice?.status === 'open' && subscription.collection_method === 'charge_automatically')
    tryInvoice(world, invoice, { offSession: true })
}

function differences(before: Subscription, after: Subscription): Partial<Subscription> {
  const names = Object.keys(after) as (keyof Subscription)[]
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  return Object.fromEntries(changed.map((name) => [name, before[name]]))
}

export function cancelNow(
  world: StripeWorld,
  subscription: Subscription,
  given: {
    invoice_now?: boolean | undefined
    prorate?: boolean | undefined
    cancellation_details?: z.output<typeof cancellation> | undefined
  },
): Subscription {
  const { comment, feedback } = given.cancellation_details ?? {}
  subscription.cancellation_details = {
    ...subscription.cancellation_details!,
    comment: comment ?? null,
    feedback: feedback ?? null,
  }
  if (given.prorate && subscription.status !== 'trialing')
    addPending(world, subscription, prorationLines(world, subscription.items.data, [], world.seconds()))
  if (given.invoice_now) {
    const invoice = billNow(world, subscription, false)
    if (invoice) payNow(world, subscription, invoice)
  }
  endSubscription(world, subscription, 'cancellation_requested')
  return subscription
}
