import { createHmac } from 'node:crypto'
import type { Card, Order, Payment } from './entities.ts'
import { badRequest } from './failure.ts'
import { refundPayment } from './refunds.ts'
import { need, notesOf, type RazorpayWorld } from './world.ts'

/** How a payer pays, and how it ends: `late` fails first, and the bank says later that it went through. */
export interface Attempt {
  readonly method?: Payment['method'] | undefined
  readonly outcome: 'succeeds' | 'fails' | 'late'
  readonly email?: string | undefined
  readonly contact?: string | undefined
  readonly description?: string | undefined
  readonly notes?: Record<string, string> | undefined
  readonly customer?: string | undefined
}

const noFailure = {
  error_code: null,
  error_description: null,
  error_source: null,
  error_step: null,
  error_reason: null,
}

/** Somebody tries to pay an order. */
export function payOrder(world: RazorpayWorld, order: Order, attempt: Attempt): Payment {
  if (order.status === 'paid') throw badRequest('Order has already been paid')
  order.attempts += 1
  order.status = 'attempted'
  const payment = makePayment(world, order, attempt)
  if (attempt.outcome === 'succeeds') authorize(world, payment)
  else failPayment(world, payment)
  if (attempt.outcome === 'late')
    world.plan('authorize-late', payment.id, world.seconds() + world.account.lateAfter)
  return payment
}

export function makePayment(
  world: RazorpayWorld,
  bill: { readonly id: string | null; readonly amount: number; readonly currency: string },
  attempt: Attempt,
): Payment {
  const method = attempt.method ?? 'card'
  const card = method === 'card' ? makeCard(world) : undefined
  return world.payments.put({
    id: world.id('pay'),
    entity: 'payment',
    amount: bill.amount,
    currency: bill.currency,
    status: 'created',
    order_id: bill.id,
    invoice_id: null,
    international: false,
    method,
    amount_refunded: 0,
    refund_status: null,
    captured: false,
    description: attempt.description ?? null,
    card_id: card?.id ?? null,
    ...(card ? { card } : {}),
    bank: method === 'netbanking' ? 'HDFC' : null,
    wallet: null,
    vpa: method === 'upi' ? 'success@razorpay' : null,
    email: attempt.email ?? 'void@razorpay.com',
    contact: attempt.contact ?? '+919999999999',
    ...(attempt.customer ? { customer_id: attempt.customer } : {}),
    notes: notesOf(attempt.notes),
    fee: null,
    tax: null,
    ...noFailure,
    acquirer_data: {},
    created_at: world.seconds(),
  })
}

const makeCard = (world: RazorpayWorld): Card => ({
  id: world.id('card'),
  entity: 'card',
  name: '',
  last4: '5449',
  network: 'MasterCard',
  type: 'credit',
  issuer: 'UTIB',
  international: false,
  emi: false,
  sub_type: 'consumer',
  token_iin: null,
})

export function failPayment(world: RazorpayWorld, payment: Payment, reason = 'payment_failed'): void {
  Object.assign(payment, {
    status: 'failed',
    error_code: 'BAD_REQUEST_ERROR',
    error_description: 'Your payment could not be completed due to a temporary issue. Try again later.',
    error_source: reason === 'insufficient_funds' ? 'customer' : 'bank',
    error_step: 'payment_authorization',
    error_reason: reason,
  })
  world.emit('payment.failed', { payment })
}

/** The bank has agreed. What the order's rule says happens next: capture now, or wait for somebody who does. */
export function authorize(world: RazorpayWorld, payment: Payment): void {
  const order = world.orders.get(payment.order_id ?? '')
  Object.assign(payment, { status: 'authorized', ...noFailure, acquirer_data: acquirerData(world, payment) })
  world.emit('payment.authorized', { payment })
  if (order?.status === 'paid') {
    // Another payment of the order went through: this one goes back at once.
    refundPayment(world, payment, { amount: payment.amount })
    return
  }
  const { automatic, automaticExpiry, manualExpiry } = ruleOf(world, payment)
  const began = order?.created_at ?? payment.created_at
  if (automatic && world.seconds() <= began + automaticExpiry * 60) capture(world, payment)
  else world.plan('give-back', payment.id, Math.max(world.seconds(), payment.created_at + manualExpiry * 60))
}

function acquirerData(world: RazorpayWorld, { method }: Payment): Record<string, string | null> {
  const { below, text } = world.simulation.seeded
  const digits = () => String(100_000_000_000 + below(899_999_999_999))
  if (method === 'upi') return { rrn: digits(), upi_transaction_id: text(32).toUpperCase() }
  if (method === 'netbanking') return { bank_transaction_id: digits() }
  return { auth_code: digits().slice(0, 6) }
}

const ruleOf = (world: RazorpayWorld, payment: Payment) =>
  world.rules.get(payment.order_id ?? '') ?? {
    automatic: payment.order_id === null,
    automaticExpiry: world.account.automaticExpiry,
    manualExpiry: world.account.manualExpiry,
  }

/** Takes the money of an authorised payment, less the fee; its order is paid. */
function capture(world: RazorpayWorld, payment: Payment): void {
  const fee = Math.round((payment.amount * world.account.feePercent) / 100)
  const tax = Math.round((fee * world.account.taxPercent) / 100)
  Object.assign(payment, { status: 'captured', captured: true, fee: fee + tax, tax })
  world.simulation.timers.cancel('give-back', payment.id)
  world.emit('payment.captured', { payment })
  const order = world.orders.get(payment.order_id ?? '')
  if (order) {
    Object.assign(order, {
      status: 'paid',
      amount_paid: payment.amount,
      amount_due: order.amount - payment.amount,
    })
    world.emit('order.paid', { payment, order })
    payLink(world, order, payment)
  }
  planSettlement(world)
}

/** A payment link is paid with its order. */
function payLink(world: RazorpayWorld, order: Order, payment: Payment): void {
  const link = world.links.all().find((each) => each.order_id === order.id && each.status === 'created')
  if (!link) return
  const { id, amount, method, status, created_at } = payment
  Object.assign(link, {
    status: 'paid',
    amount_paid: amount,
    payments: [{ payment_id: id, amount, method, status, created_at }],
    updated_at: world.seconds(),
  })
  world.emit('payment_link.paid', { payment_link: link, order, payment })
}

/** Money is settled some days later, once a day. */
function planSettlement(world: RazorpayWorld): void {
  const day = 86_400
  const at = (Math.floor(world.seconds() / day) + world.account.settleAfterDays) * day + day / 2
  world.plan('settle', String(at), at)
}

/** A capture that the business asks for. */
export function captureByCall(
  world: RazorpayWorld,
  payment: Payment,
  amount: number,
  currency: string,
): Payment {
  if (payment.captured) throw badRequest('This payment has already been captured')
  if (payment.status !== 'authorized')
    throw badRequest('Only payments which have been authorized and not yet captured can be captured')
  if (amount !== payment.amount || currency !== payment.currency)
    throw badRequest('Capture amount must be equal to the amount authorized', 'amount')
  if (world.orders.get(payment.order_id ?? '')?.status === 'paid')
    throw badRequest('Your payment has not been captured as the corresponding order has already been paid')
  capture(world, payment)
  return payment
}

/** The bank was late, and says yes after all. */
export function authorizeLate(world: RazorpayWorld, payment: Payment): void {
  if (payment.status === 'failed') authorize(world, payment)
}

/** Nobody captured the payment in time. */
export function giveBack(world: RazorpayWorld, id: string): void {
  const payment = need(world.payments, id)
  if (payment.status === 'authorized') refundPayment(world, payment, { amount: payment.amount })
}

/** What a page brings back as proof: HMAC-SHA256 of the parts under the key's secret. */
export const signParts = (world: RazorpayWorld, ...parts: readonly string[]): string =>
  createHmac('sha256', world.keySecret).update(parts.join('|')).digest('hex')
