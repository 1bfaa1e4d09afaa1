import type { Dispute, Payment } from './entities.ts'
import { badRequest } from './failure.ts'
import { need, type RazorpayWorld } from './world.ts'

/** Seconds in which a dispute has to be answered. */
const answerWithin = 7 * 86_400

/** The owner of a card takes a payment back. */
export function disputePayment(
  world: RazorpayWorld,
  payment: Payment,
  reason = 'goods_or_services_not_received',
): Dispute {
  if (!payment.captured) throw badRequest('Only a captured payment can be disputed.')
  const dispute = world.disputes.put({
    id: world.id('disp'),
    entity: 'dispute',
    payment_id: payment.id,
    amount: payment.amount,
    currency: payment.currency,
    amount_deducted: 0,
    reason_code: reason,
    respond_by: world.seconds() + answerWithin,
    status: 'open',
    phase: 'chargeback',
    created_at: world.seconds(),
  })
  world.emit('payment.dispute.created', { payment, dispute })
  return dispute
}

/** The bank has decided; what is lost is deducted. */
export function decideDispute(world: RazorpayWorld, dispute: Dispute, outcome: 'won' | 'lost'): Dispute {
  if (dispute.status !== 'open') throw badRequest('The dispute is closed.')
  Object.assign(dispute, { status: outcome, amount_deducted: outcome === 'lost' ? dispute.amount : 0 })
  world.emit(`payment.dispute.${outcome}`, { payment: need(world.payments, dispute.payment_id), dispute })
  return dispute
}
