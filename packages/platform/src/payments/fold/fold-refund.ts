import type { RefundSeen } from './events.ts'
import { greatestText } from './greatest-text.ts'

/** A refund as its events tell it; members only grow. */
export interface RefundState {
  readonly provider: string
  readonly payment: string
  readonly seen: Readonly<Partial<Record<RefundSeen['status'], true>>>
  readonly amount: number
  readonly currency: string
}

export const noRefund: RefundState = { provider: '', payment: '', seen: {}, amount: 0, currency: '' }

export const foldRefund = (state: RefundState, event: RefundSeen): RefundState => ({
  provider: event.provider,
  payment: greatestText(event.payment, state.payment),
  seen: { ...state.seen, [event.status]: true },
  amount: Math.max(state.amount, event.amount),
  currency: greatestText(event.currency, state.currency),
})

/**
 * | seen | status |
 * |---|---|
 * | failed | failed, also after it had succeeded: the bank sent the money back |
 * | succeeded | succeeded |
 * | pending | pending |
 */
export const refundStatus = ({ seen }: RefundState): RefundSeen['status'] =>
  (['failed', 'succeeded'] as const).find((status) => seen[status]) ?? 'pending'

/** What has been given back, in minor units. */
export const givenBackOf = (state: RefundState): number =>
  refundStatus(state) === 'succeeded' ? state.amount : 0
