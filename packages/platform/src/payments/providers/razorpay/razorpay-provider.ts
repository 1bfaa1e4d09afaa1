import { createHmac, timingSafeEqual } from 'node:crypto'
import { paymentErrors } from '../../errors.ts'
import { type Delivery, hashOf } from '../../facts/delivery.ts'
import type { Checkout, CheckoutOrder, PaymentProvider, ProviderRequest } from '../payment-provider.ts'
import { type Fields, readJson } from '../read-fields.ts'
import { openRazorpay, type RazorpayApi, type RazorpayKeys } from './razorpay-api.ts'
import { readPaymentAnswer, readRazorpayEvent, readRefundAnswer } from './read-events.ts'

export interface RazorpaySettings extends RazorpayKeys {
  /** Signs webhooks; undefined: none are taken. */
  readonly webhookSecret: string | undefined
}

/** What the provider's window gives the client after a payment. */
export interface RazorpayClientProof {
  readonly orderId: string
  readonly paymentId: string
  readonly signature: string
}

export interface RazorpayProvider extends PaymentProvider {
  /**
   * Checks what the client says it was given, and reads it: that the payment was authorised, and nothing of amounts. Fails
   * with `payment_signature_invalid`.
   */
  readClientProof(proof: RazorpayClientProof, now: Date): Delivery
}

const pageSize = 100

export function createRazorpay(settings: RazorpaySettings): RazorpayProvider {
  const api = openRazorpay(settings)
  return {
    name: 'razorpay',
    // The SDK compares signatures with `===`, whose time tells how much of one is right; the HMAC is the documented one.
    readWebhook: async (bytes, header) => {
      requireSignature(settings.webhookSecret, bytes, header('x-razorpay-signature'))
      return readRazorpayEvent(readJson(bytes), header('x-razorpay-event-id') ?? `bytes ${hashOf(bytes)}`)
    },
    readClientProof: ({ orderId, paymentId, signature }, now) => {
      requireSignature(settings.keySecret, Buffer.from(`${orderId}|${paymentId}`), signature)
      return readProof(orderId, paymentId, now)
    },
    createCheckout: async (order) => {
      const { amount, currency } = order
      const made = await api.call((client) =>
        client.orders.create({ amount, currency, receipt: order.id, payment_capture: true } as never),
      )
      return checkoutOf(settings.keyId, made)
    },
    findCheckout: async (order) => {
      const found = await api.call((client) => client.orders.all({ receipt: order.id } as never))
      const first = found.list('items').find((item) => isFor(order, item))
      return first ? checkoutOf(settings.keyId, first) : null
    },
    readCheckout: async (object, now) => {
      const payments = await api.call((client) => client.orders.fetchPayments(object))
      const deliveries: Delivery[] = []
      for (const payment of payments.list('items')) {
        deliveries.push(readPaymentAnswer(payment, now))
        if (payment.countOr('amount_refunded', 0) === 0) continue
        for (const refund of await refundsOf(api, payment.text('id')))
          deliveries.push(readRefundAnswer(refund, now, object))
      }
      return deliveries
    },
    // A second capture is refused, so it needs no key.
    capture: async ({ payment, amount, currency }, now) => {
      const made = await api.call((client) => client.payments.capture(payment, amount, currency))
      return { object: payment, delivery: readPaymentAnswer(made, now) }
    },
    findCapture: async ({ payment }, now) => {
      const found = await api.call((client) => client.payments.fetch(payment))
      if (found.text('status') !== 'captured') return null
      return { object: payment, delivery: readPaymentAnswer(found, now) }
    },
    refund: async (request, now) => {
      const made = await api.post(
        `/v1/payments/${encodeURIComponent(request.payment)}/refund`,
        { amount: request.amount, receipt: request.id, notes: { plinth_request: request.id } },
        { 'X-Refund-Idempotency': request.id },
      )
      return { object: made.text('id'), delivery: readRefundAnswer(made, now) }
    },
    findRefund: async (request, now) => {
      const refunds = await refundsOf(api, request.payment)
      const found = refunds.find((refund) => isOf(request, refund))
      return found ? { object: found.text('id'), delivery: readRefundAnswer(found, now) } : null
    },
    list: (from, until) => listRazorpay(api, from, until),
  }
}

function requireSignature(secret: string | undefined, bytes: Uint8Array, given: string | undefined): void {
  if (!secret) throw paymentErrors.payment_provider_off({ provider: 'razorpay' })
  const expected = createHmac('sha256', secret).update(bytes).digest()
  const shown = Buffer.from(given ?? '', 'hex')
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected))
    throw paymentErrors.payment_signature_invalid()
}

const readProof = (orderId: string, paymentId: string, now: Date): Delivery => ({
  provider: 'razorpay',
  eventId: `client ${paymentId}`,
  kind: 'client.verified',
  at: now,
  events: [
    {
      object: 'payment',
      provider: 'razorpay',
      id: paymentId,
      at: now.getTime(),
      status: 'authorised',
      amount: null,
      currency: null,
      captured: 0,
    },
  ],
  objects: [orderId, paymentId],
  hint: null,
})

function checkoutOf(keyId: string, order: Fields): Checkout {
  const object = order.text('id')
  const client = {
    key: keyId,
    order_id: object,
    amount: order.count('amount'),
    currency: order.text('currency'),
  }
  return { object, url: null, client }
}

const isFor = (order: CheckoutOrder, item: Fields): boolean =>
  item.textOr('receipt', null) === order.id &&
  item.count('amount') === order.amount &&
  item.text('currency') === order.currency

const isOf = (request: ProviderRequest, refund: Fields): boolean =>
  refund.textOr('receipt', null) === request.id ||
  (refund.has('notes') && notesOf(refund)?.textOr('plinth_request', null) === request.id)

/** Empty notes are an empty list. */
function notesOf(refund: Fields): Fields | null {
  try {
    return refund.object('notes')
  } catch {
    return null
  }
}

const refundsOf = async (api: RazorpayApi, payment: string): Promise<Fields[]> =>
  (await api.call((client) => client.payments.fetchMultipleRefund(payment, { count: pageSize }))).list(
    'items',
  )

async function* listRazorpay(api: RazorpayApi, from: Date, until: Date): AsyncIterable<Delivery> {
  const span = { from: seconds(from), to: seconds(until) - 1, count: pageSize }
  for await (const payment of pages((skip) =>
    api.call((client) => client.payments.all({ ...span, skip } as never)),
  ))
    yield readPaymentAnswer(payment, until)
  for await (const refund of pages((skip) =>
    api.call((client) => client.refunds.all({ ...span, skip } as never)),
  ))
    yield readRefundAnswer(refund, until)
}

async function* pages(read: (skip: number) => Promise<Fields>): AsyncIterable<Fields> {
  for (let skip = 0; ; skip += pageSize) {
    const items = (await read(skip)).list('items')
    yield* items
    if (items.length < pageSize) return
  }
}

const seconds = (instant: Date): number => Math.floor(instant.getTime() / 1000)
