import type { PaymentSeen } from './events.ts'
import { greatestText } from './greatest-text.ts'

/**
 * A payment as its events tell it. Every member only grows, or takes the greatest of what was seen, so the order of the
 * events and their repetition change nothing.
 */
export interface PaymentState {
  readonly provider: string
  readonly seen: Readonly<Partial<Record<PaymentSeen['status'], true>>>
  readonly amount: number
  /** The most that was seen as captured, by currency. */
  readonly captured: Readonly<Record<string, number>>
  readonly fee: number
  readonly refundedHint: { readonly at: number; readonly amount: number }
  readonly failures: readonly string[]
  /** Every currency that an event named: one, unless the provider contradicts itself. */
  readonly currencies: readonly string[]
  /** Address of the provider's receipt, where it told one. */
  readonly receipt?: string
  /** How risky the provider thinks it is, in its words. */
  readonly risk?: string
}

export const noPayment: PaymentState = {
  provider: '',
  seen: {},
  amount: 0,
  captured: {},
  fee: 0,
  refundedHint: { at: 0, amount: 0 },
  failures: [],
  currencies: [],
}

export function foldPayment(state: PaymentState, event: PaymentSeen): PaymentState {
  const { currency, captured } = event
  const hint = { at: event.at, amount: event.refunded ?? 0 }
  return {
    provider: event.provider,
    seen: { ...state.seen, [event.status]: true },
    amount: Math.max(state.amount, event.amount ?? 0),
    captured:
      currency && captured > (state.captured[currency] ?? 0)
        ? { ...state.captured, [currency]: captured }
        : state.captured,
    fee: Math.max(state.fee, event.fee ?? 0),
    refundedHint: isLater(hint, state.refundedHint) ? hint : state.refundedHint,
    failures: add(state.failures, event.failure),
    currencies: add(state.currencies, currency),
    ...told('receipt', state.receipt, event.receipt),
    ...told('risk', state.risk, event.risk),
  }
}

/** A text that some events tell: the greatest of them, so that their order does not matter; left out where none does. */
function told<Name extends string>(
  name: Name,
  before: string | undefined,
  now: string | null | undefined,
): { readonly [_ in Name]?: string } {
  if (before === undefined && !now) return {}
  return { [name]: greatestText(before ?? '', now ?? '') } as { [_ in Name]: string }
}

const add = (values: readonly string[], value: string | null | undefined): readonly string[] =>
  value && !values.includes(value) ? [...values, value].sort() : values

const isLater = (a: PaymentState['refundedHint'], b: PaymentState['refundedHint']) =>
  a.at > b.at || (a.at === b.at && a.amount > b.amount)

export type PaymentStatus = PaymentSeen['status']

/**
 * | seen | status |
 * |---|---|
 * | reversed | reversed, whatever else |
 * | captured | captured: a late failure or cancellation does not take it back |
 * | cancelled | cancelled |
 * | authorised | authorised, also after a failure: the authorisation came late |
 * | failed | failed |
 * | pending | pending |
 */
export const paymentStatus = ({ seen }: PaymentState): PaymentStatus =>
  (['reversed', 'captured', 'cancelled', 'authorised', 'failed'] as const).find((status) => seen[status]) ??
  'pending'

/** What of it has arrived in a currency, in minor units. */
export const receivedOf = (state: PaymentState, currency: string): number =>
  paymentStatus(state) === 'captured' ? (state.captured[currency] ?? 0) : 0
