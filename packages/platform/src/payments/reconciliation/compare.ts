import type { PaymentEvent } from '../fold/events.ts'
import type { OrderState } from '../fold/fold-order.ts'
import { refundStatus } from '../fold/fold-refund.ts'

/** Money that one side says has moved: a payment that was captured, or a refund that succeeded. */
export interface Moved {
  readonly object: string
  readonly amount: number
  readonly currency: string
}

/** What a provider's record says has moved; null where it says of no money. */
export function movedBy(events: readonly PaymentEvent[]): Moved | null {
  for (const event of events) {
    if (event.object === 'payment' && event.captured > 0)
      return { object: event.id, amount: event.captured, currency: event.currency! }
    if (event.object === 'refund' && event.status === 'succeeded')
      return { object: event.id, amount: event.amount, currency: event.currency }
  }
  return null
}

/** What we know of it: the amount, 0 where nothing is known. */
export function knownOf(state: OrderState, { object, currency }: Moved): number {
  if (Object.hasOwn(state.payments, object)) return state.payments[object]!.captured[currency] ?? 0
  if (!Object.hasOwn(state.refunds, object)) return 0
  const refund = state.refunds[object]!
  return refundStatus(refund) === 'succeeded' && refund.currency === currency ? refund.amount : 0
}
