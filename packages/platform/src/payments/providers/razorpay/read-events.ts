import type { Delivery } from '../../facts/delivery.ts'
import { hashOf } from '../../facts/delivery.ts'
import type { DisputeSeen, PaymentEvent, PaymentSeen, RefundSeen } from '../../fold/events.ts'
import type { Fields } from '../read-fields.ts'

const provider = 'razorpay'

/**
 * Reads a webhook's body. Null for an event that is none of payments, refunds, disputes and orders. Amounts are the
 * currency's subunits, as everywhere here. Source: https://razorpay.com/docs/webhooks/payloads/
 */
export function readRazorpayEvent(event: Fields, eventId: string): Delivery | null {
  const kind = event.text('event')
  const at = event.count('created_at') * 1000
  const payload = event.object('payload')
  const entity = (name: string) => payload.optional(name)?.object('entity') ?? null
  const [payment, refund, dispute, order] = ['payment', 'refund', 'dispute', 'order'].map(entity)
  if (!payment && !refund && !dispute && !order) return null
  const events: PaymentEvent[] = []
  if (payment) events.push(readPayment(payment, at))
  if (refund) events.push(readRefund(refund, at))
  if (dispute) events.push(readDispute(dispute, at))
  const objects = [
    order?.text('id') ?? payment?.textOr('order_id', null),
    payment?.text('id') ?? refund?.text('payment_id') ?? dispute?.text('payment_id'),
    refund?.text('id'),
    dispute?.text('id'),
  ].filter((id) => typeof id === 'string')
  return { provider, eventId, kind, at: new Date(at), events, objects, hint: hintOf(order ?? null) }
}

/** Orders are made by us only; a payment's notes are the payer's to write. */
const hintOf = (order: Fields | null): string | null => order?.textOr('receipt', null) ?? null

/** What the provider's answer says of a payment, as if an event had told it. */
export function readPaymentAnswer(payment: Fields, now: Date): Delivery {
  const seen = readPayment(payment, now.getTime())
  return answer('payment', now, [seen], [payment.textOr('order_id', null), seen.id])
}

export function readRefundAnswer(refund: Fields, now: Date, orderId: string | null = null): Delivery {
  const seen = readRefund(refund, now.getTime())
  return answer('refund', now, [seen], [orderId, seen.payment, seen.id])
}

function answer(
  kind: string,
  now: Date,
  events: readonly PaymentEvent[],
  ids: readonly (string | null)[],
): Delivery {
  const objects = ids.filter((id) => id !== null)
  const content = hashOf(JSON.stringify(events.map((event) => ({ ...event, at: 0 }))))
  return {
    provider,
    eventId: `answer ${objects.at(-1)} ${content}`,
    kind: `answer.${kind}`,
    at: now,
    events,
    objects,
    hint: null,
  }
}

const paymentStatuses: Readonly<Record<string, PaymentSeen['status']>> = {
  created: 'pending',
  authorized: 'authorised',
  captured: 'captured',
  failed: 'failed',
}

/**
 * | status | captured | is |
 * |---|---|---|
 * | created, authorized, failed | | pending, authorised, failed |
 * | captured | | captured |
 * | refunded | true | captured: the refunds are told of by themselves |
 * | refunded | false | cancelled: an authorisation that was given back |
 */
function readPayment(payment: Fields, at: number): PaymentSeen {
  const stated = payment.text('status')
  const given = stated === 'refunded' ? (payment.flag('captured') ? 'captured' : 'cancelled') : undefined
  const status = given ?? paymentStatuses[stated] ?? 'pending'
  const amount = payment.count('amount')
  const refunded = payment.countOr('amount_refunded', 0)
  return {
    object: 'payment',
    provider,
    id: payment.text('id'),
    at,
    status,
    amount,
    currency: payment.text('currency'),
    captured: status === 'captured' ? amount : 0,
    fee: status === 'captured' ? payment.countOr('fee', null) : null,
    refunded: status === 'captured' ? refunded : 0,
    failure: payment.textOr('error_code', null),
  }
}

function readRefund(refund: Fields, at: number): RefundSeen {
  const statuses: Readonly<Record<string, RefundSeen['status']>> = {
    processed: 'succeeded',
    failed: 'failed',
  }
  return {
    object: 'refund',
    provider,
    id: refund.text('id'),
    at,
    payment: refund.text('payment_id'),
    status: statuses[refund.text('status')] ?? 'pending',
    amount: refund.count('amount'),
    currency: refund.text('currency'),
  }
}

/** A retrieval is a question of the bank; the phases after it are disputes. */
function readDispute(dispute: Fields, at: number): DisputeSeen {
  const status = dispute.text('status')
  const ended = status === 'won' || status === 'lost' || status === 'closed' ? status : undefined
  return {
    object: 'dispute',
    provider,
    id: dispute.text('id'),
    at,
    payment: dispute.text('payment_id'),
    status: ended ?? (dispute.textOr('phase', '') === 'retrieval' ? 'inquiry' : 'open'),
    amount: dispute.count('amount'),
    currency: dispute.text('currency'),
    withdrawn: dispute.countOr('amount_deducted', 0) > 0,
  }
}
