import type { OrderState, OrderTerms } from './fold-order.ts'

/**
 * What happens once because of an order: the name of a hook, and of which object. Effects only grow with what is known:
 * those of fewer facts are among those of more, so that the facts' order cannot change which ones there are in the end.
 */
export type EffectName =
  | 'paid'
  | 'overpaid'
  | 'authorised'
  | 'captured'
  | 'failed'
  | 'reversed'
  | 'refunded'
  | 'refund_failed'
  | 'disputed'
  | 'dispute_won'
  | 'dispute_lost'
  | 'expired'

export interface Effect {
  readonly name: EffectName
  /** The provider's id of the payment, refund, dispute or checkout; empty for the order itself. */
  readonly object: string
}

/** Names an effect within its order. */
export const effectKey = ({ name, object }: Effect): string => (object === '' ? name : `${name}:${object}`)

export function effectsOf(terms: OrderTerms, state: OrderState): Effect[] {
  const effects: Effect[] = []
  const add = (name: EffectName, object = '') => effects.push({ name, object })
  let captured = 0
  for (const [id, payment] of Object.entries(state.payments)) {
    if (payment.seen.authorised) add('authorised', id)
    if (payment.seen.failed) add('failed', id)
    if (payment.seen.reversed) add('reversed', id)
    if (Object.keys(payment.captured).length === 0) continue
    add('captured', id)
    // Captured once counts here for good: what is given back later has effects of its own.
    captured += payment.captured[terms.currency] ?? 0
  }
  if (captured >= terms.amount) add('paid')
  if (captured > terms.amount) add('overpaid')
  for (const [id, { seen }] of Object.entries(state.refunds)) {
    if (seen.succeeded) add('refunded', id)
    if (seen.failed) add('refund_failed', id)
  }
  for (const [id, { seen }] of Object.entries(state.disputes)) {
    if (seen.open || seen.won || seen.lost) add('disputed', id)
    if (seen.won) add('dispute_won', id)
    if (seen.lost) add('dispute_lost', id)
  }
  for (const [id, seen] of Object.entries(state.checkouts)) if (seen.expired) add('expired', id)
  return effects
}
