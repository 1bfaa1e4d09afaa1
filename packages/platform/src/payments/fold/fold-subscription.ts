import { type InvoiceSeen, type PaymentEvent, type SubscriptionSeen, subscriptionStatuses } from './events.ts'
import { compareTexts, greatestText } from './greatest-text.ts'
import type { Movements, OrderLine } from './movements.ts'

type Latest = Omit<SubscriptionSeen, 'object' | 'id' | 'provider'>

/** An invoice as its events tell it; members only grow. */
export interface InvoiceState {
  readonly seen: Readonly<Partial<Record<InvoiceSeen['status'], true>>>
  /** Of what was paid, minor units. */
  readonly amount: number
  /** The most that was asked for, minor units. */
  readonly due: number
  readonly currency: string
  /** When what it is for begins, milliseconds since 1970; 0 where no event says. */
  readonly periodStart: number
  /** Address at which the payer sees it; empty where no event says. */
  readonly page: string
}

/** A subscription that a provider manages, as its events tell it. */
export interface SubscriptionState {
  readonly provider: string
  /** The latest word; a cancellation is the last one. */
  readonly latest: Latest | null
  readonly invoices: Readonly<Record<string, InvoiceState>>
}

export const noSubscription: SubscriptionState = { provider: '', latest: null, invoices: {} }

/** Adds one event. Any order and any repetition of events lead to the same state; events of payments change nothing. */
export function foldSubscription(state: SubscriptionState, event: PaymentEvent): SubscriptionState {
  if (event.object === 'subscription') {
    const { object: _object, id: _id, provider, ...latest } = event
    return {
      ...state,
      provider,
      latest: state.latest && compare(state.latest, latest) >= 0 ? state.latest : latest,
    }
  }
  if (event.object !== 'invoice') return state
  const before = Object.hasOwn(state.invoices, event.id) ? state.invoices[event.id]! : undefined
  const isPaid = event.status === 'paid'
  const invoice: InvoiceState = {
    seen: { ...before?.seen, [event.status]: true },
    amount: Math.max(before?.amount ?? 0, isPaid ? event.amount : 0),
    due: Math.max(before?.due ?? 0, event.amount),
    currency: greatestText(before?.currency ?? '', event.currency),
    periodStart: Math.max(before?.periodStart ?? 0, event.periodStart ?? 0),
    page: greatestText(before?.page ?? '', event.page ?? ''),
  }
  return { ...state, provider: event.provider, invoices: { ...state.invoices, [event.id]: invoice } }
}

/** Providers give whole seconds; within one the later period and the more final status count. */
function compare(a: Latest, b: Latest): number {
  const ends = Number(a.status === 'cancelled') - Number(b.status === 'cancelled')
  const rank = ({ status }: Latest) => subscriptionStatuses.indexOf(status)
  return (
    ends ||
    a.at - b.at ||
    (a.periodEnd ?? 0) - (b.periodEnd ?? 0) ||
    rank(a) - rank(b) ||
    compareTexts(JSON.stringify(a), JSON.stringify(b))
  )
}

/** What the ledger holds because of a subscription's invoices; `linesOf` gives the parts of what one has brought. */
export const subscriptionMovements = (
  { provider, invoices }: SubscriptionState,
  linesOf: (amount: number) => readonly OrderLine[],
): Movements =>
  Object.fromEntries(
    Object.entries(invoices)
      .filter(([, { amount }]) => amount > 0)
      .map(([id, { amount, currency }]) => [
        `invoice ${id}`,
        [
          { account: `provider ${provider}`, kind: 'asset', currency, amount },
          ...linesOf(amount).map(({ account, kind, amount: part }) => ({
            account,
            kind,
            currency,
            amount: -part,
          })),
        ],
      ]),
  )

/** Keys of what happens once: `invoice_paid:in_…`, `invoice_failed:in_…`. They only grow with what is known. */
export const subscriptionEffects = ({ invoices }: SubscriptionState): string[] =>
  Object.entries(invoices).flatMap(([id, { seen }]) => [
    ...(seen.paid ? [`invoice_paid:${id}`] : []),
    ...(seen.failed ? [`invoice_failed:${id}`] : []),
  ])
