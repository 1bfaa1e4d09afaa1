import { periodEndAfter } from '../core/billing-periods.ts'
import type { Payment, Plan, Subscription } from './entities.ts'
import { badRequest } from './failure.ts'
import { type Attempt, authorize, failPayment, makePayment } from './payments.ts'
import { refundPayment } from './refunds.ts'
import { need, notesOf, type RazorpayWorld } from './world.ts'

const day = 86_400
/** Charges of a cycle that may fail before a subscription is halted: the first, and one a day after it. */
const mostFailures = 4
/** What proves a card for a subscription that begins later, in subunits; it goes back at once. */
const proof = 500

export interface NewSubscription {
  readonly plan_id: string
  readonly total_count: number
  readonly quantity?: number | undefined
  readonly customer_id?: string | undefined
  readonly customer_notify?: boolean | undefined
  readonly start_at?: number | undefined
  readonly expire_by?: number | undefined
  readonly notes?: Record<string, string> | undefined
}

export function makeSubscription(world: RazorpayWorld, given: NewSubscription): Subscription {
  need(world.plans, given.plan_id)
  const id = world.id('sub')
  if (given.expire_by) world.plan('expire-subscription', id, given.expire_by)
  return world.subscriptions.put({
    id,
    entity: 'subscription',
    plan_id: given.plan_id,
    customer_id: given.customer_id ?? null,
    status: 'created',
    current_start: null,
    current_end: null,
    ended_at: null,
    quantity: given.quantity ?? 1,
    notes: notesOf(given.notes),
    charge_at: given.start_at ?? null,
    start_at: given.start_at ?? null,
    end_at: null,
    auth_attempts: 0,
    total_count: given.total_count,
    paid_count: 0,
    remaining_count: given.total_count,
    customer_notify: given.customer_notify ?? true,
    created_at: world.seconds(),
    expire_by: given.expire_by ?? null,
    short_url: `${world.url()}/subscriptions/${id}`,
    has_scheduled_changes: false,
    change_scheduled_at: null,
    source: 'api',
    payment_method: null,
  })
}

/** Somebody agrees to be charged from now on, or from the day on which it begins. */
export function authenticate(world: RazorpayWorld, subscription: Subscription, attempt: Attempt): Payment {
  if (!['created', 'pending', 'halted'].includes(subscription.status))
    throw badRequest('The subscription is not open for authentication')
  subscription.auth_attempts += 1
  const plan = need(world.plans, subscription.plan_id)
  const startsLater = (subscription.start_at ?? 0) > world.seconds()
  const amount = startsLater ? proof : costOf(plan, subscription)
  const payment = makePayment(world, { id: null, amount, currency: plan.item.currency }, attempt)
  if (attempt.outcome !== 'succeeds') {
    failPayment(world, payment)
    return payment
  }
  world.mandates.put({ id: subscription.id, paying: 'succeeds', failures: 0 })
  subscription.payment_method = payment.method
  authorize(world, payment)
  if (subscription.status === 'created') {
    subscription.status = 'authenticated'
    world.emit('subscription.authenticated', { subscription, payment })
  }
  if (startsLater) {
    refundPayment(world, payment, {})
    world.plan('charge-subscription', subscription.id, subscription.start_at!)
  } else begin(world, subscription, payment)
  return payment
}

const costOf = (plan: Plan, { quantity }: Subscription): number => plan.item.amount * quantity

const intervals = { daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const

/** A paid cycle begins. */
function begin(world: RazorpayWorld, subscription: Subscription, payment: Payment): void {
  const { period, interval: every } = need(world.plans, subscription.plan_id)
  const start = subscription.current_end ?? world.seconds()
  subscription.start_at ??= start
  const end = periodEndAfter(start, subscription.start_at, {
    interval: intervals[period],
    interval_count: every,
  })
  const wasActive = subscription.status === 'active'
  Object.assign(subscription, {
    status: 'active',
    current_start: start,
    current_end: end,
    charge_at: end,
    paid_count: subscription.paid_count + 1,
    remaining_count: subscription.remaining_count - 1,
  })
  if (!wasActive) world.emit('subscription.activated', { subscription })
  world.emit('subscription.charged', { subscription, payment })
  if (subscription.remaining_count === 0) finish(world, subscription, 'completed')
  else world.plan('charge-subscription', subscription.id, end)
}

function finish(world: RazorpayWorld, subscription: Subscription, as: 'completed' | 'cancelled'): void {
  Object.assign(subscription, {
    status: as,
    ended_at: world.seconds(),
    charge_at: null,
    has_scheduled_changes: false,
    change_scheduled_at: null,
  })
  world.simulation.timers.cancel('charge-subscription', subscription.id)
  world.simulation.timers.cancel('cancel-subscription', subscription.id)
  world.emit(`subscription.${as}`, { subscription })
}

/** A cycle is due, or a charge is tried again. */
export function chargeSubscription(world: RazorpayWorld, subscription: Subscription): void {
  if (!['authenticated', 'active', 'pending'].includes(subscription.status)) return
  const mandate = need(world.mandates, subscription.id)
  const plan = need(world.plans, subscription.plan_id)
  const bill = { id: null, amount: costOf(plan, subscription), currency: plan.item.currency }
  const payment = makePayment(world, bill, { outcome: mandate.paying })
  if (mandate.paying === 'succeeds') {
    world.mandates.put({ ...mandate, failures: 0 })
    authorize(world, payment)
    begin(world, subscription, payment)
    return
  }
  failPayment(world, payment, 'insufficient_funds')
  const failures = mandate.failures + 1
  world.mandates.put({ ...mandate, failures })
  subscription.status = failures >= mostFailures ? 'halted' : 'pending'
  world.emit(`subscription.${subscription.status}`, { subscription, payment })
  if (failures < mostFailures) world.plan('charge-subscription', subscription.id, world.seconds() + day)
}

/** Ends now, or with the cycle that is paid. */
export function cancelSubscription(
  world: RazorpayWorld,
  subscription: Subscription,
  atCycleEnd: boolean,
): Subscription {
  if (['cancelled', 'completed', 'expired'].includes(subscription.status))
    throw badRequest('Subscription is not cancellable in its current state.')
  if (!atCycleEnd || !subscription.current_end) {
    finish(world, subscription, 'cancelled')
    return subscription
  }
  world.simulation.timers.cancel('charge-subscription', subscription.id)
  Object.assign(subscription, { has_scheduled_changes: true, change_scheduled_at: subscription.current_end })
  world.plan('cancel-subscription', subscription.id, subscription.current_end)
  return subscription
}

/** The last cycle of a cancelled subscription is over. */
export function endCycle(world: RazorpayWorld, subscription: Subscription): void {
  if (subscription.has_scheduled_changes) finish(world, subscription, 'cancelled')
}

/** Nobody agreed in time. */
export function expireSubscription(subscription: Subscription): void {
  if (subscription.status === 'created') subscription.status = 'expired'
}

export function pauseSubscription(world: RazorpayWorld, subscription: Subscription): Subscription {
  if (subscription.status !== 'active') throw badRequest('Only an active subscription can be paused.')
  world.simulation.timers.cancel('charge-subscription', subscription.id)
  subscription.status = 'paused'
  world.emit('subscription.paused', { subscription })
  return subscription
}

export function resumeSubscription(world: RazorpayWorld, subscription: Subscription): Subscription {
  if (subscription.status !== 'paused') throw badRequest('Only a paused subscription can be resumed.')
  subscription.status = 'active'
  world.emit('subscription.resumed', { subscription })
  const at = Math.max(world.seconds(), subscription.current_end ?? 0)
  world.plan('charge-subscription', subscription.id, at)
  return subscription
}

/** Another plan, quantity or number of charges, from the next charge on. */
export function updateSubscription(
  world: RazorpayWorld,
  subscription: Subscription,
  given: {
    plan_id?: string | undefined
    quantity?: number | undefined
    remaining_count?: number | undefined
  },
): Subscription {
  if (!['authenticated', 'active'].includes(subscription.status))
    throw badRequest('Subscription can not be updated in its current state.')
  if (given.plan_id) need(world.plans, given.plan_id)
  const remaining = given.remaining_count ?? subscription.remaining_count
  Object.assign(subscription, {
    plan_id: given.plan_id ?? subscription.plan_id,
    quantity: given.quantity ?? subscription.quantity,
    remaining_count: remaining,
    total_count: subscription.paid_count + remaining,
  })
  world.emit('subscription.updated', { subscription })
  return subscription
}
