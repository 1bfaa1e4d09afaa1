import { type Delivery, hashOf } from '../../facts/delivery.ts'
import type {
  CheckoutSeen,
  DisputeSeen,
  InvoiceSeen,
  PaymentEvent,
  PaymentSeen,
  RefundSeen,
  SubscriptionSeen,
  SubscriptionStatus,
} from '../../fold/events.ts'
import type { Fields } from '../read-fields.ts'
import { fromStripe } from './amounts.ts'

const provider = 'stripe'

/** What an object says, and the ids by which it is found: the one closest to the order first. */
interface Read {
  readonly events: readonly PaymentEvent[]
  readonly objects: readonly (string | null)[]
}

/** How each kind of object is read; others say nothing of payments. Source: https://docs.stripe.com/api/events/types */
const readers: Readonly<Record<string, (object: Fields, at: number, kind: string) => Read>> = {
  payment_intent: readIntent,
  charge: readCharge,
  refund: (object, at) => {
    const refund = readRefund(object, at)
    return { events: [refund], objects: [refund.payment, object.id('charge'), refund.id] }
  },
  dispute: (object, at) => {
    const dispute = readDispute(object, at)
    return { events: [dispute], objects: [dispute.payment, object.id('charge'), dispute.id] }
  },
  'checkout.session': readSession,
  subscription: (object, at) => {
    const subscription = readSubscription(object, at)
    return { events: [subscription], objects: [subscription.id] }
  },
  invoice: (object, at, kind) => {
    const invoice = readInvoice(object, at, kind)
    return { events: [invoice], objects: [invoice.subscription, invoice.id] }
  },
  // Radar: kept beside the payment that it warns of; it changes nothing by itself.
  'radar.early_fraud_warning': (object) => ({
    events: [],
    objects: [object.id('payment_intent'), object.id('charge')],
  }),
  review: (object) => ({ events: [], objects: [object.id('payment_intent'), object.id('charge')] }),
}

/** Reads a webhook's body; null for an event that says nothing of payments, or that speaks of another system's object. */
export function readStripeEvent(event: Fields, system: string): Delivery | null {
  const kind = event.text('type')
  const at = event.count('created') * 1000
  const object = event.object('data').object('object')
  const read = readers[object.textOr('object', '')]?.(object, at, kind)
  const hint = hintOf(object, system)
  const objects = read?.objects.filter((id) => id !== null) ?? []
  if (!read || hint === 'foreign' || objects.length === 0) return null
  return { provider, eventId: event.text('id'), kind, at: new Date(at), events: read.events, objects, hint }
}

/** True for an object that another system wrote its name onto. */
export const isForeign = (object: Fields, system: string): boolean => hintOf(object, system) === 'foreign'

/** What an answer to a call of ours says, as if an event had told it. */
export function readStripeAnswer(object: Fields, now: Date, system: string): Delivery {
  const kind = object.text('object')
  const { events, objects } = readers[kind]!(object, now.getTime(), kind)
  const ids = objects.filter((id) => id !== null)
  const content = hashOf(JSON.stringify(events.map((event) => ({ ...event, at: 0 }))))
  return {
    provider,
    eventId: `answer ${object.text('id')} ${content}`,
    kind: `answer.${kind}`,
    at: now,
    events,
    objects: ids,
    hint: isForeign(object, system) ? null : hintOf(object, system),
  }
}

/** What we wrote onto the object: whose it is. Several systems may share one account. */
function hintOf(object: Fields, system: string): string | null | 'foreign' {
  const metadata = object.optional('metadata')
  const owner = metadata?.textOr('plinth_system', null) ?? null
  if (owner !== null && owner !== system) return 'foreign'
  return owner === null ? null : (metadata?.textOr('plinth_target', null) ?? null)
}

const currencyOf = (object: Fields): string => object.text('currency').toUpperCase()

/**
 * | status | is |
 * |---|---|
 * | succeeded | captured: amount_received |
 * | requires_capture | authorised |
 * | canceled | cancelled |
 * | any, told as payment_intent.payment_failed | failed |
 * | others | pending |
 */
function readIntent(intent: Fields, at: number, kind: string): Read {
  const currency = currencyOf(intent)
  const statuses: Readonly<Record<string, PaymentSeen['status']>> = {
    succeeded: 'captured',
    requires_capture: 'authorised',
    canceled: 'cancelled',
  }
  const status =
    kind === 'payment_intent.payment_failed' ? 'failed' : (statuses[intent.text('status')] ?? 'pending')
  const payment: PaymentSeen = {
    object: 'payment',
    provider,
    id: intent.text('id'),
    at,
    status,
    amount: fromStripe(intent.count('amount'), currency),
    currency,
    captured: status === 'captured' ? fromStripe(intent.count('amount_received'), currency) : 0,
    failure:
      status === 'failed' ? (intent.optional('last_payment_error')?.textOr('code', null) ?? null) : null,
  }
  return { events: [payment], objects: [payment.id, intent.id('latest_charge')] }
}

/** A charge speaks for its payment intent, where it has one. A failed charge is an attempt at it. */
function readCharge(charge: Fields, at: number): Read {
  const currency = currencyOf(charge)
  const stated = charge.text('status')
  const settled = charge.flag('captured') ? 'captured' : 'authorised'
  const status = stated === 'failed' ? 'failed' : stated === 'succeeded' ? settled : 'pending'
  const payment: PaymentSeen = {
    object: 'payment',
    provider,
    id: charge.id('payment_intent') ?? charge.text('id'),
    at,
    status,
    amount: fromStripe(charge.count('amount'), currency),
    currency,
    captured: status === 'captured' ? fromStripe(charge.count('amount_captured'), currency) : 0,
    fee: feeOf(charge, currency),
    refunded: fromStripe(charge.countOr('amount_refunded', 0), currency),
    failure: charge.textOr('failure_code', null),
    receipt: charge.link('receipt_url'),
    risk: charge.optional('outcome')?.textOr('risk_level', null) ?? null,
  }
  const refunds = charge.optional('refunds')?.list('data') ?? []
  return {
    events: [payment, ...refunds.map((refund) => readRefund(refund, at))],
    objects: [payment.id, charge.text('id')],
  }
}

/** Known where the balance transaction came along, in the currency of the payment. */
function feeOf(charge: Fields, currency: string): number | null {
  try {
    const balance = charge.object('balance_transaction')
    return currencyOf(balance) === currency ? fromStripe(balance.count('fee'), currency) : null
  } catch {
    return null
  }
}

function readRefund(refund: Fields, at: number): RefundSeen {
  const statuses: Readonly<Record<string, RefundSeen['status']>> = {
    succeeded: 'succeeded',
    failed: 'failed',
    canceled: 'failed',
  }
  const currency = currencyOf(refund)
  return {
    object: 'refund',
    provider,
    id: refund.text('id'),
    at,
    payment: refund.id('payment_intent') ?? refund.id('charge') ?? '',
    status: statuses[refund.textOr('status', '')] ?? 'pending',
    amount: fromStripe(refund.count('amount'), currency),
    currency,
  }
}

const disputeStatuses: Readonly<Record<string, DisputeSeen['status']>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'closed',
  needs_response: 'open',
  under_review: 'open',
  won: 'won',
  lost: 'lost',
  prevented: 'closed',
}

function readDispute(dispute: Fields, at: number): DisputeSeen {
  const currency = currencyOf(dispute)
  const status = disputeStatuses[dispute.text('status')] ?? 'open'
  const isTold = dispute.has('balance_transactions')
  return {
    object: 'dispute',
    provider,
    id: dispute.text('id'),
    at,
    payment: dispute.id('payment_intent') ?? dispute.id('charge') ?? '',
    status,
    amount: fromStripe(dispute.count('amount'), currency),
    currency,
    withdrawn: isTold ? dispute.list('balance_transactions').length > 0 : status === 'open',
  }
}

/** A session that is complete and paid also says what its payment has brought. */
function readSession(session: Fields, at: number, kind: string): Read {
  const stated = session.textOr('status', 'open')
  const checkout: CheckoutSeen = {
    object: 'checkout',
    provider,
    id: session.text('id'),
    at,
    status: stated === 'complete' || stated === 'expired' ? stated : 'open',
  }
  const intent = session.id('payment_intent')
  const subscription = session.id('subscription')
  const objects = subscription ? [subscription, checkout.id] : [checkout.id, intent]
  if (!intent || subscription) return { events: [checkout], objects }
  const paid = session.text('payment_status') === 'paid'
  const failed = kind === 'checkout.session.async_payment_failed'
  if (!paid && !failed) return { events: [checkout], objects }
  const currency = currencyOf(session)
  const amount = fromStripe(session.count('amount_total'), currency)
  const payment: PaymentSeen = {
    object: 'payment',
    provider,
    id: intent,
    at,
    status: paid ? 'captured' : 'failed',
    amount,
    currency,
    captured: paid ? amount : 0,
  }
  return { events: [checkout, payment], objects }
}

const statuses: Readonly<Record<string, SubscriptionStatus>> = {
  incomplete: 'incomplete',
  incomplete_expired: 'incomplete_expired',
  trialing: 'trialing',
  active: 'active',
  past_due: 'past_due',
  unpaid: 'unpaid',
  paused: 'paused',
  canceled: 'cancelled',
}

/** Periods are told on the subscription's items; older API versions told them on the subscription. */
function readSubscription(subscription: Fields, at: number): SubscriptionSeen {
  const item = subscription.optional('items')?.list('data')[0]
  const time = (name: string, of: Fields = subscription) => {
    const seconds = of.countOr(name, null)
    return seconds === null ? null : seconds * 1000
  }
  const period = (name: string) => (item ? time(name, item) : null) ?? time(name)
  return {
    object: 'subscription',
    provider,
    id: subscription.text('id'),
    at,
    status: statuses[subscription.text('status')] ?? 'incomplete',
    price: item?.id('price') ?? null,
    quantity: item?.countOr('quantity', 1) ?? 1,
    periodStart: period('current_period_start'),
    periodEnd: period('current_period_end'),
    trialEnd: time('trial_end'),
    cancelAtPeriodEnd: subscription.flag('cancel_at_period_end') || time('cancel_at') !== null,
    customer: subscription.id('customer'),
  }
}

function readInvoice(invoice: Fields, at: number, kind: string): InvoiceSeen {
  const currency = currencyOf(invoice)
  const stated = invoice.textOr('status', 'draft')
  const isPaid = stated === 'paid'
  const isVoid = stated === 'void' || stated === 'uncollectible'
  const details = invoice.optional('parent')?.optional('subscription_details')
  const period = (name: string) => {
    const line = invoice.optional('lines')?.list('data').at(-1)?.optional('period')
    const seconds = line?.countOr(name, null) ?? null
    return seconds === null ? null : seconds * 1000
  }
  return {
    object: 'invoice',
    provider,
    id: invoice.text('id'),
    at,
    subscription: details?.id('subscription') ?? invoice.id('subscription'),
    status: isPaid ? 'paid' : isVoid ? 'void' : kind === 'invoice.payment_failed' ? 'failed' : 'open',
    amount: fromStripe(isPaid ? invoice.count('amount_paid') : invoice.count('amount_due'), currency),
    currency,
    periodStart: period('start'),
    periodEnd: period('end'),
    page: invoice.link('hosted_invoice_url'),
  }
}
