import type { CheckoutSeen, DisputeSeen, PaymentEvent, PaymentSeen, RefundSeen } from './events.ts'
import { type DisputeState, foldDispute, lostBy, noDispute, withheldBy } from './fold-dispute.ts'
import { foldPayment, noPayment, type PaymentState, paymentStatus, receivedOf } from './fold-payment.ts'
import { foldRefund, givenBackOf, noRefund, type RefundState, refundStatus } from './fold-refund.ts'

/** What an order asks for. */
export interface OrderTerms {
  /** Minor units. */
  readonly amount: number
  readonly currency: string
}

/** Everything that facts said of an order, by the provider's ids. */
export interface OrderState {
  readonly payments: Readonly<Record<string, PaymentState>>
  readonly refunds: Readonly<Record<string, RefundState>>
  readonly disputes: Readonly<Record<string, DisputeState>>
  readonly checkouts: Readonly<Record<string, Readonly<Partial<Record<CheckoutSeen['status'], true>>>>>
}

export const noOrder: OrderState = { payments: {}, refunds: {}, disputes: {}, checkouts: {} }

/** Adds one event. Any order and any repetition of events lead to the same state; events of subscriptions change nothing. */
export function foldOrder(state: OrderState, event: PaymentEvent): OrderState {
  switch (event.object) {
    case 'payment':
      return { ...state, payments: put(state.payments, event.id, foldPayment, noPayment, event) }
    case 'refund':
      return { ...state, refunds: put(state.refunds, event.id, foldRefund, noRefund, event) }
    case 'dispute':
      return { ...state, disputes: put(state.disputes, event.id, foldDispute, noDispute, event) }
    case 'checkout':
      return { ...state, checkouts: put(state.checkouts, event.id, foldCheckout, {}, event) }
    default:
      return state
  }
}

const foldCheckout = (
  seen: OrderState['checkouts'][string],
  { status }: CheckoutSeen,
): OrderState['checkouts'][string] => ({ ...seen, [status]: true })

const put = <State, Event extends PaymentSeen | RefundSeen | DisputeSeen | CheckoutSeen>(
  states: Readonly<Record<string, State>>,
  id: string,
  fold: (state: State, event: Event) => State,
  none: State,
  event: Event,
) => ({ ...states, [id]: fold(Object.hasOwn(states, id) ? states[id]! : none, event) })

/**
 * Refunds of payments that were captured. What a provider gives back of an authorisation that was never captured is no
 * money of ours, and a refund whose payment is not known yet waits for it.
 */
export const countedRefunds = ({ payments, refunds }: OrderState): [id: string, refund: RefundState][] =>
  Object.entries(refunds).filter(
    ([, { payment, currency }]) =>
      Object.hasOwn(payments, payment) && receivedOf(payments[payment]!, currency) > 0,
  )

export type OrderStatus =
  | 'open'
  | 'authorised'
  | 'failed'
  | 'expired'
  | 'underpaid'
  | 'paid'
  | 'partially_refunded'
  | 'refunded'
  | 'reversed'

/** What a person wants to know of an order. Amounts are minor units of the order's currency. */
export interface OrderSummary {
  readonly status: OrderStatus
  readonly captured: number
  readonly refunded: number
  /** Undecided, held by the provider. */
  readonly disputed: number
  /** Lost to disputes. */
  readonly lost: number
  /** Captured, less what was given back or lost. */
  readonly net: number
  readonly overpaid: number
  readonly discrepancies: readonly Discrepancy[]
}

export type Discrepancy =
  | 'currency_differs'
  | 'amount_differs'
  | 'overpaid'
  | 'refund_of_unknown_payment'
  | 'refund_missing'
  | 'refund_exceeds_payment'

export function summarise(terms: OrderTerms, state: OrderState): OrderSummary {
  const refunds = countedRefunds(state).filter(([, { currency }]) => currency === terms.currency)
  const disputes = Object.values(state.disputes).filter(({ latest }) => latest.currency === terms.currency)
  const captured = sum(Object.values(state.payments), (payment) => receivedOf(payment, terms.currency))
  const refunded = sum(refunds, ([, refund]) => givenBackOf(refund))
  const lost = sum(disputes, lostBy)
  const net = captured - refunded - lost
  return {
    status: statusOf(terms, state, { captured, net }),
    captured,
    refunded,
    disputed: sum(disputes, withheldBy),
    lost,
    net,
    overpaid: Math.max(0, net - terms.amount),
    discrepancies: discrepanciesOf(terms, state, captured),
  }
}

/**
 * | captured | net of refunds and losses | status |
 * |---|---|---|
 * | enough, once | enough | paid, whatever failed before or after |
 * | enough, once | some | partially_refunded |
 * | something | nothing | refunded |
 * | too little | some | underpaid |
 * | nothing | | reversed, authorised, expired or failed, as the payments and the checkout say; else open |
 */
function statusOf(
  terms: OrderTerms,
  state: OrderState,
  { captured, net }: { readonly captured: number; readonly net: number },
): OrderStatus {
  if (captured > 0) {
    if (net >= terms.amount) return 'paid'
    if (net <= 0) return 'refunded'
    return captured >= terms.amount ? 'partially_refunded' : 'underpaid'
  }
  const statuses = Object.values(state.payments).map(paymentStatus)
  if (statuses.includes('authorised')) return 'authorised'
  if (statuses.includes('reversed')) return 'reversed'
  const checkouts = Object.values(state.checkouts)
  if (checkouts.some((seen) => seen.expired && !seen.complete)) return 'expired'
  return statuses.length > 0 && statuses.every((status) => status === 'failed' || status === 'cancelled')
    ? 'failed'
    : 'open'
}

function discrepanciesOf(terms: OrderTerms, state: OrderState, captured: number): Discrepancy[] {
  const found = new Set<Discrepancy>()
  for (const [id, payment] of Object.entries(state.payments)) {
    if (payment.currencies.some((currency) => currency !== terms.currency)) found.add('currency_differs')
    const back = sum(
      Object.values(state.refunds).filter((refund) => refund.payment === id),
      givenBackOf,
    )
    if (back > (payment.captured[terms.currency] ?? 0)) found.add('refund_exceeds_payment')
    if (payment.refundedHint.amount > back + pendingOf(state, id)) found.add('refund_missing')
  }
  for (const refund of Object.values(state.refunds))
    if (!Object.hasOwn(state.payments, refund.payment)) found.add('refund_of_unknown_payment')
  if (captured > terms.amount) found.add('overpaid')
  if (captured > 0 && captured < terms.amount) found.add('amount_differs')
  return [...found].sort()
}

const pendingOf = (state: OrderState, payment: string): number =>
  sum(
    Object.values(state.refunds).filter(
      (refund) => refund.payment === payment && refundStatus(refund) === 'pending',
    ),
    ({ amount }) => amount,
  )

const sum = <Item>(items: readonly Item[], amountOf: (item: Item) => number): number =>
  items.reduce((total, item) => total + amountOf(item), 0)
