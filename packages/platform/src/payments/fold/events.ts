/**
 * What facts say, in one vocabulary for every provider. Amounts are minor units of the currency (ISO 4217), whatever
 * units the provider writes. `at` is the provider's own time in milliseconds since 1970.
 */
export type PaymentEvent =
  | PaymentSeen
  | RefundSeen
  | DisputeSeen
  | CheckoutSeen
  | SubscriptionSeen
  | InvoiceSeen

interface Seen {
  /** `stripe`, `razorpay`, `manual`. */
  readonly provider: string
  /** The provider's id of the object: `pay_…`, `pi_…`. */
  readonly id: string
  readonly at: number
}

export interface PaymentSeen extends Seen {
  readonly object: 'payment'
  readonly status: 'pending' | 'authorised' | 'captured' | 'failed' | 'cancelled' | 'reversed'
  /** What was asked for; null where the event does not say. */
  readonly amount: number | null
  readonly currency: string | null
  /** What has been captured so far; 0 unless captured. */
  readonly captured: number
  /** What the provider keeps of it; null where the event does not say. */
  readonly fee?: number | null
  /** What the provider says was given back so far; what no refund explains is a discrepancy. */
  readonly refunded?: number
  /** The provider's code of a failure. */
  readonly failure?: string | null
  /** Address of the provider's receipt. */
  readonly receipt?: string | null
  /** How risky the provider thinks it is, in its words: `normal`, `elevated`, `highest`. */
  readonly risk?: string | null
}

export interface RefundSeen extends Seen {
  readonly object: 'refund'
  readonly payment: string
  readonly status: 'pending' | 'succeeded' | 'failed'
  readonly amount: number
  readonly currency: string
}

export interface DisputeSeen extends Seen {
  readonly object: 'dispute'
  readonly payment: string
  /** `inquiry`: a question of the bank, no money is taken. `closed`: ended without a loss. */
  readonly status: 'inquiry' | 'open' | 'won' | 'lost' | 'closed'
  /** What the provider has taken back, or will when it is lost. */
  readonly amount: number
  readonly currency: string
  /** True while the provider holds the amount. */
  readonly withdrawn: boolean
}

export interface CheckoutSeen extends Seen {
  readonly object: 'checkout'
  readonly status: 'open' | 'complete' | 'expired'
}

export const subscriptionStatuses = [
  'incomplete',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'incomplete_expired',
  'cancelled',
] as const
export type SubscriptionStatus = (typeof subscriptionStatuses)[number]

export interface SubscriptionSeen extends Seen {
  readonly object: 'subscription'
  readonly status: SubscriptionStatus
  /** The provider's id of the price. */
  readonly price: string | null
  readonly quantity: number
  readonly periodStart: number | null
  readonly periodEnd: number | null
  readonly trialEnd: number | null
  readonly cancelAtPeriodEnd: boolean
  /** The provider's id of who pays. */
  readonly customer?: string | null
}

export interface InvoiceSeen extends Seen {
  readonly object: 'invoice'
  readonly subscription: string | null
  readonly status: 'open' | 'paid' | 'failed' | 'void'
  readonly amount: number
  readonly currency: string
  readonly periodStart: number | null
  readonly periodEnd: number | null
  /** Address at which the payer sees it. */
  readonly page?: string | null
}
