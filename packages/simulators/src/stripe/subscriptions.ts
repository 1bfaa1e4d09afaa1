import { periodEndAfter } from '../core/billing-periods.ts'
import { redeem } from './discounts.ts'
import { invalid, StripeFailure } from './failure.ts'
import { draftLasts, makeInvoice, pendingItems } from './invoice-draft.ts'
import { endInvoice, finalizeInvoice, subscriptionOf, tryInvoice } from './invoices.ts'
import { behaviourOfMethod } from './payment-methods.ts'
import {
  blankSubscription,
  checkItems,
  cycleLine,
  makeItem,
  type NewSubscription,
  periodOf,
  rollPeriod,
} from './subscription-objects.ts'
import type { Invoice, Subscription } from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

const day = 86_400

/** Seconds before the end of a trial at which it is announced. */
const trialNotice = 3 * day

/** Seconds in which the first payment has to come. */
const firstPaymentWithin = 23 * 3600

/** Starts a subscription, and bills its first period. */
export function makeSubscription(world: StripeWorld, given: NewSubscription): Subscription {
  checkItems(given.items)
  return world.inTimeOf(given.customer.id, () => {
    const now = world.seconds()
    const trialing = given.trialEnd !== undefined && given.trialEnd > now
    const anchor = trialing ? given.trialEnd! : (given.anchor ?? now)
    const cadence = given.items[0]!.price.recurring!
    const id = world.id('sub')
    const end = trialing ? given.trialEnd! : anchor > now ? anchor : periodEndAfter(now, anchor, cadence)
    const subscription = blankSubscription(id, given, { now, anchor })
    if (given.behavior === 'error_if_incomplete' && !trialing) requirePayable(world, subscription, given)
    subscription.items.data = given.items.map((wanted) => makeItem(world, id, wanted, { start: now, end }))
    subscription.status = trialing ? 'trialing' : 'incomplete'
    subscription.trial_start = trialing ? now : null
    subscription.trial_end = trialing ? given.trialEnd! : null
    world.subscriptions.put(subscription)
    subscription.discounts = (given.discounts ?? []).map(
      (discount) => redeem(world, discount, { customer: given.customer.id, subscription: id }).id,
    )
    world.emit('customer.subscription.created', subscription)
    planNext(world, subscription)
    billFirst(world, subscription, given, trialing)
    return subscription
  })
}

/** `error_if_incomplete`: nothing is made when the card would refuse. */
function requirePayable(
  world: StripeWorld,
  { default_payment_method }: Subscription,
  { customer }: NewSubscription,
): void {
  const id = default_payment_method ?? customer.invoice_settings.default_payment_method
  const method = world.payment_methods.get(id ?? '')
  if (!method) throw noMethod()
  const { decline, blocked, authentication } = behaviourOfMethod(world, method)
  if (!decline && !blocked && !authentication) return
  throw new StripeFailure(402, {
    code: decline?.code ?? 'card_declined',
    decline_code: decline?.reason ?? 'authentication_required',
    message: decline?.message ?? 'Your card was declined.',
    type: 'card_error',
  })
}

export const noMethod = () =>
  invalid(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method.',
    { code: 'resource_missing' },
  )

function billFirst(
  world: StripeWorld,
  subscription: Subscription,
  given: NewSubscription,
  trialing: boolean,
): void {
  const lines = subscription.items.data.map((item) =>
    cycleLine(world, item, { start: item.current_period_start, end: item.current_period_end }, trialing),
  )
  const invoice = makeInvoice(
    world,
    {
      customer: given.customer,
      currency: subscription.currency,
      reason: 'subscription_create',
      lines,
      subscription,
      collection: subscription.collection_method as 'charge_automatically',
      daysUntilDue: subscription.days_until_due ?? undefined,
    },
    pendingItems(world, given.customer.id, subscription.id),
  )
  finalizeInvoice(world, invoice)
  if (invoice.status === 'paid') return
  if (subscription.collection_method === 'send_invoice') {
    setStatus(world, subscription, 'active')
    return
  }
  if (given.behavior !== 'default_incomplete')
    tryInvoice(world, invoice, { offSession: !given.onSession, authenticated: given.authenticated ?? false })
  if (subscription.status === 'incomplete')
    world.plan(
      'expire-incomplete',
      subscription.id,
      world.seconds() + firstPaymentWithin,
      subscription.customer,
    )
}

function setStatus(world: StripeWorld, subscription: Subscription, status: Subscription['status']): void {
  if (subscription.status === status) return
  world.emit('customer.subscription.updated', subscription, change(subscription, { status }))
}

/** Plans what comes next: the end of the period, and before it the notice of a trial's end. */
export function planNext(world: StripeWorld, subscription: Subscription): void {
  const { timers } = world.simulation
  const { id, customer, trial_end: trialEnd, cancel_at: cancelAt, status } = subscription
  for (const task of ['renew', 'trial-will-end', 'cancel-at']) timers.cancel(task, id)
  if (['canceled', 'incomplete_expired'].includes(status)) return
  world.plan('renew', id, periodOf(subscription).end, customer)
  if (cancelAt && !subscription.cancel_at_period_end) world.plan('cancel-at', id, cancelAt, customer)
  if (status === 'trialing' && trialEnd)
    world.plan('trial-will-end', id, Math.max(world.seconds(), trialEnd - trialNotice), customer)
}

/** The period has ended: the next one begins, or the subscription ends. */
export function renew(world: StripeWorld, subscription: Subscription): void {
  if (
    !world.subscriptions.get(subscription.id) ||
    ['canceled', 'incomplete_expired', 'incomplete'].includes(subscription.status)
  )
    return
  if (subscription.cancel_at_period_end) {
    endSubscription(world, subscription, 'cancellation_requested')
    return
  }
  const customer = need(world.customers, 'customer', subscription.customer)
  const trialEnded = subscription.status === 'trialing'
  const missing =
    trialEnded && !(subscription.default_payment_method ?? customer.invoice_settings.default_payment_method)
  const onMissing = subscription.trial_settings?.end_behavior.missing_payment_method
  if (missing && onMissing === 'cancel') {
    endSubscription(world, subscription, 'payment_failed')
    return
  }
  if (missing && onMissing === 'pause') {
    world.emit('customer.subscription.paused', subscription, change(subscription, { status: 'paused' }))
    return
  }
  const { items, latest_invoice, status } = structuredClone(subscription)
  const ended = periodOf(subscription)
  const period = rollPeriod(subscription)
  const lines = subscription.items.data.map((item) => cycleLine(world, item, period))
  if (trialEnded) subscription.status = 'active'
  const invoice = makeInvoice(
    world,
    {
      customer,
      currency: subscription.currency,
      reason: 'subscription_cycle',
      lines,
      subscription,
      collection: subscription.collection_method as 'charge_automatically',
      daysUntilDue: subscription.days_until_due ?? undefined,
      fields: {
        auto_advance: subscription.status !== 'unpaid',
        automatically_finalizes_at: world.seconds() + draftLasts,
        period_start: ended.start,
        period_end: ended.end,
      },
    },
    pendingItems(world, customer.id, subscription.id),
  )
  const previous = { items, latest_invoice, ...(trialEnded ? { status } : {}) }
  world.emit('customer.subscription.updated', subscription, previous)
  if (invoice.auto_advance)
    world.plan('finalize-invoice', invoice.id, world.seconds() + draftLasts, customer.id)
  planNext(world, subscription)
}

/** A draft's hour has passed, or a payment is tried again. */
export function advanceInvoice(world: StripeWorld, invoice: Invoice): void {
  if (invoice.status === 'draft') finalizeInvoice(world, invoice)
  if (invoice.status !== 'open' || invoice.collection_method !== 'charge_automatically') return
  tryInvoice(world, invoice, { offSession: true })
}

/** Ends a subscription now. */
export function endSubscription(
  world: StripeWorld,
  subscription: Subscription,
  reason: NonNullable<Subscription['cancellation_details']>['reason'],
): void {
  const now = world.seconds()
  change(subscription, {
    status: 'canceled',
    canceled_at: subscription.canceled_at ?? now,
    cancel_at_period_end: false,
    ended_at: now,
    cancellation_details: { ...subscription.cancellation_details!, reason },
  })
  planNext(world, subscription)
  const draft = world.invoices.get(subscription.latest_invoice ?? '')
  if (draft?.status === 'draft') draft.auto_advance = false
  world.simulation.timers.cancel('finalize-invoice', draft?.id ?? '')
  world.simulation.timers.cancel('retry-invoice', draft?.id ?? '')
  world.emit('customer.subscription.deleted', subscription)
}

/** The first payment did not come in time. */
export function expireIncomplete(world: StripeWorld, subscription: Subscription): void {
  if (subscription.status !== 'incomplete') return
  const invoice = world.invoices.get(subscription.latest_invoice ?? '')
  if (invoice?.status === 'open') endInvoice(world, invoice, 'void')
  world.emit(
    'customer.subscription.updated',
    subscription,
    change(subscription, { status: 'incomplete_expired', ended_at: world.seconds() }),
  )
  planNext(world, subscription)
}

/** Lets subscriptions follow their invoices. */
export function followInvoices(world: StripeWorld): void {
  world.listen('invoice.paid', (invoice: Invoice) => {
    const subscription = subscriptionOf(world, invoice)
    if (!subscription || !['incomplete', 'past_due', 'unpaid'].includes(subscription.status)) return
    if (subscription.latest_invoice !== invoice.id) return
    world.simulation.timers.cancel('expire-incomplete', subscription.id)
    const method = world.invoice_payments.all().find((each) => each.invoice === invoice.id)
      ?.payment.payment_intent
    const saves = subscription.payment_settings?.save_default_payment_method === 'on_subscription'
    const used = world.payment_intents.get(method ?? '')?.payment_method
    const changes = { status: 'active' as const, ...(saves && used ? { default_payment_method: used } : {}) }
    world.emit('customer.subscription.updated', subscription, change(subscription, changes))
  })
  world.listen('invoice.payment_failed', (invoice: Invoice) => {
    const subscription = subscriptionOf(world, invoice)
    if (!subscription || invoice.billing_reason === 'subscription_create') return
    if (invoice.next_payment_attempt !== null || subscription.collection_method === 'send_invoice') {
      if (subscription.status === 'active') setStatus(world, subscription, 'past_due')
      return
    }
    const outcome = world.account.afterRetries
    if (outcome === 'canceled' && subscription.status !== 'canceled')
      endSubscription(world, subscription, 'payment_failed')
    else setStatus(world, subscription, outcome)
  })
}
