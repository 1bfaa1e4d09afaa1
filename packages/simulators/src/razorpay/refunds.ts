import type { Payment, Refund } from './entities.ts'
import { badRequest } from './failure.ts'
import { need, notesOf, type RazorpayWorld } from './world.ts'

interface NewRefund {
  readonly amount?: number | undefined
  readonly speed?: 'normal' | 'optimum' | undefined
  readonly notes?: Record<string, string> | undefined
  readonly receipt?: string | null | undefined
}

/** Gives money of a payment back: all that is left of it, or part. */
export function refundPayment(world: RazorpayWorld, payment: Payment, given: NewRefund): Refund {
  const amount = given.amount ?? payment.amount - payment.amount_refunded
  const refund = world.refunds.put({
    id: world.id('rfnd'),
    entity: 'refund',
    amount,
    currency: payment.currency,
    payment_id: payment.id,
    notes: notesOf(given.notes),
    receipt: given.receipt ?? null,
    acquirer_data: { arn: null },
    created_at: world.seconds(),
    batch_id: null,
    status: 'pending',
    speed_processed: 'normal',
    speed_requested: given.speed ?? 'normal',
  })
  showOnPayment(payment, payment.amount_refunded + amount)
  world.emit('refund.created', { refund, payment })
  if (world.account.refundAfter === 0) processRefund(world, refund)
  else world.plan('process-refund', refund.id, world.seconds() + world.account.refundAfter)
  return refund
}

function showOnPayment(payment: Payment, refunded: number): void {
  const isFull = refunded === payment.amount
  Object.assign(payment, {
    amount_refunded: refunded,
    refund_status: refunded === 0 ? null : isFull ? 'full' : 'partial',
    status: isFull ? 'refunded' : 'captured',
  })
}

/** The money has arrived. */
export function processRefund(world: RazorpayWorld, refund: Refund): void {
  if (refund.status !== 'pending') return
  const arn = `10000000${world.simulation.seeded.below(900_000) + 100_000}`
  Object.assign(refund, { status: 'processed', acquirer_data: { arn } })
  world.emit('refund.processed', { refund, payment: need(world.payments, refund.payment_id) })
}

/** The money did not arrive, and is the business's again. */
export function failRefund(world: RazorpayWorld, refund: Refund): Refund {
  if (refund.status === 'failed') throw badRequest('The refund has failed before')
  const payment = need(world.payments, refund.payment_id)
  world.simulation.timers.cancel('process-refund', refund.id)
  refund.status = 'failed'
  showOnPayment(payment, payment.amount_refunded - refund.amount)
  world.emit('refund.failed', { refund, payment })
  return refund
}

/** A refund that the business asks for. */
export function refundByCall(world: RazorpayWorld, payment: Payment, given: NewRefund): Refund {
  if (payment.status === 'refunded') throw badRequest('The payment has been fully refunded already')
  if (payment.status !== 'captured')
    throw badRequest('The payment status should be captured for action to be taken')
  const left = payment.amount - payment.amount_refunded
  const amount = given.amount ?? left
  if (amount < 100 && amount !== left) throw badRequest('The amount must be atleast INR 1.00', 'amount')
  if (amount > left)
    throw badRequest('The total refund amount is greater than the refund payment amount', 'amount')
  return refundPayment(world, payment, given)
}
