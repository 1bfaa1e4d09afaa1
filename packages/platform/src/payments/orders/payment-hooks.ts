import type { Transaction } from '../../database/index.ts'
import type { EffectName } from '../fold/effects.ts'
import type { OrderState, OrderSummary } from '../fold/fold-order.ts'
import type { OrderLine } from '../fold/movements.ts'
import type { Subscription } from '../plans/subscription.ts'

/** An order as hooks and handlers see it. Amounts are minor units of its currency. */
export interface PaymentOrder extends OrderSummary {
  readonly id: string
  readonly tenant: string
  readonly purpose: string
  /** The system's own key. */
  readonly reference: string
  readonly person: string | null
  readonly amount: number
  readonly currency: string
  readonly lines: readonly OrderLine[]
  /** The system's own, as it was given. */
  readonly details: Readonly<Record<string, unknown>>
  /** By the provider's ids. */
  readonly state: OrderState
}

/** What happened: `object` is the provider's id of the payment, refund, dispute or checkout, empty for the order itself. */
export interface OrderEvent {
  readonly order: PaymentOrder
  readonly object: string
}

type Hook<Event> = (event: Event, transaction: Transaction) => Promise<void>

/**
 * What a system does because of orders, in SQL as the owner, in the transaction that writes the state, the ledger and the
 * fact that it was done. Each hook but `onChanged` runs exactly once for its order and object, whatever the order of the
 * facts. What leaves the database (mail, calls) is queued: `plinth.add_job` runs if and when the transaction commits. A hook
 * that throws undoes the whole; the job tries again.
 */
export interface PaymentHooks {
  /** As much as the order asks for was captured, in its currency. Once for an order. */
  readonly onPaid?: Hook<OrderEvent>
  /** More than the order asks for was captured. Once for an order. */
  readonly onOverpaid?: Hook<OrderEvent>
  readonly onAuthorised?: Hook<OrderEvent>
  /** Of each payment; an order may be paid by several. */
  readonly onCaptured?: Hook<OrderEvent>
  /** An attempt failed; the order may have been paid meanwhile: `order.status` says so. */
  readonly onPaymentFailed?: Hook<OrderEvent>
  /** A person took a manual payment back. */
  readonly onReversed?: Hook<OrderEvent>
  readonly onRefunded?: Hook<OrderEvent>
  /** A refund came back, perhaps after it had succeeded. */
  readonly onRefundFailed?: Hook<OrderEvent>
  readonly onDisputed?: Hook<OrderEvent>
  readonly onDisputeWon?: Hook<OrderEvent>
  readonly onDisputeLost?: Hook<OrderEvent>
  readonly onCheckoutExpired?: Hook<OrderEvent>
  /** After the others, whenever the order's state is another one than before: for rows that follow it. May run often. */
  readonly onChanged?: Hook<{ readonly order: PaymentOrder }>
  /** A subscription is another one than before: its state, plan or period. */
  readonly onSubscriptionChanged?: Hook<{
    readonly subscription: Subscription
    readonly before: Subscription
  }>
  /** A period is to be paid, by an order that was made for it. Once for a period. */
  readonly onSubscriptionDue?: Hook<{ readonly subscription: Subscription; readonly order: string }>
  /** A period or a better plan grants units: credits, say, until they expire. Never the same units twice. */
  readonly onGranted?: Hook<Grant>
  /** Of a subscription that a provider manages. Once for an invoice. */
  readonly onInvoicePaid?: Hook<InvoiceEvent>
  readonly onInvoiceFailed?: Hook<InvoiceEvent>
}

/** An invoice of a subscription that a provider manages. */
export interface InvoiceEvent {
  readonly subscription: Subscription
  /** The provider's id. */
  readonly invoice: string
  /** What was paid or, where nothing was, what is asked for; minor units. */
  readonly amount: number
  readonly currency: string
  /** When what it is for begins; null where the provider did not say. */
  readonly periodStart: Date | null
  /** Address at which the payer sees it. */
  readonly page: string | null
}

/** Units that a subscription's period grants. */
export interface Grant {
  readonly subscription: Subscription
  /** As the plan's allowance is called: `credits`. */
  readonly name: string
  readonly amount: number
  /** The end of the period. */
  readonly expiresAt: Date
}

type OrderHook = Exclude<
  keyof PaymentHooks,
  | 'onChanged'
  | 'onSubscriptionChanged'
  | 'onSubscriptionDue'
  | 'onGranted'
  | 'onInvoicePaid'
  | 'onInvoiceFailed'
>

export const hookOf: Readonly<Record<EffectName, OrderHook>> = {
  paid: 'onPaid',
  overpaid: 'onOverpaid',
  authorised: 'onAuthorised',
  captured: 'onCaptured',
  failed: 'onPaymentFailed',
  reversed: 'onReversed',
  refunded: 'onRefunded',
  refund_failed: 'onRefundFailed',
  disputed: 'onDisputed',
  dispute_won: 'onDisputeWon',
  dispute_lost: 'onDisputeLost',
  expired: 'onCheckoutExpired',
}
