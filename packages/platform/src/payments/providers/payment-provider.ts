import type { Delivery } from '../facts/delivery.ts'

/** What a checkout is made for. Amounts are minor units (ISO 4217). */
export interface CheckoutOrder {
  /** Of our order; written onto the provider's objects. */
  readonly id: string
  /** Distinguishes a new checkout from the same call again; part of the idempotency key. */
  readonly attempt: number
  readonly amount: number
  readonly currency: string
  /** What the payer reads. */
  readonly title: string
  readonly email?: string
  /** Where the payer goes afterwards; needed by hosted pages. */
  readonly successUrl?: string
  readonly cancelUrl?: string
}

/** A checkout as the client gets it. */
export interface Checkout {
  /** The provider's id: `cs_…`, `order_…`. */
  readonly object: string
  /** The hosted page; null where the client opens the provider's own window. */
  readonly url: string | null
  /** What that window needs: key id, order id, amount, currency. */
  readonly client: Readonly<Record<string, string | number>>
}

/** A refund or capture that is asked for. */
export interface ProviderRequest {
  /** Idempotency key; the provider's object carries it. */
  readonly id: string
  readonly payment: string
  readonly amount: number
  readonly currency: string
  readonly reason: string | null
  /** The order that it belongs to. */
  readonly order: string
}

/** What the provider answered: the object that it made or found, and what that says. */
export interface ProviderAnswer {
  readonly object: string
  readonly delivery: Delivery
}

/** Header of a request by its name, in any case. */
export type ReadHeader = (name: string) => string | undefined

/**
 * One payment provider. Calls fail with `payment_provider_failed` when nobody knows whether they were done, and may then be
 * repeated: they carry an idempotency key, and `find…` asks what became of one. A refusal (`refused: true` in the error's
 * details) is final.
 */
export interface PaymentProvider {
  readonly name: string
  /**
   * Checks the signature over the bytes as they came and reads the event. Null for an event that says nothing of payments.
   * Fails with `payment_signature_invalid` or `payment_event_unreadable`.
   */
  readWebhook(bytes: Uint8Array, header: ReadHeader, now: Date): Promise<Delivery | null>
  createCheckout(order: CheckoutOrder): Promise<Checkout>
  /** The checkout that an earlier call made, if it did; null when the provider has none. */
  findCheckout(order: CheckoutOrder): Promise<Checkout | null>
  /** Everything that the provider knows now of what was paid by a checkout. */
  readCheckout(object: string, now: Date): Promise<readonly Delivery[]>
  /** Captures what was authorised. */
  capture(request: ProviderRequest, now: Date): Promise<ProviderAnswer>
  /** The payment, if it is captured. */
  findCapture(request: ProviderRequest, now: Date): Promise<ProviderAnswer | null>
  refund(request: ProviderRequest, now: Date): Promise<ProviderAnswer>
  findRefund(request: ProviderRequest, now: Date): Promise<ProviderAnswer | null>
  /** Payments and refunds that the provider made in a span of time, for reconciliation. */
  list(from: Date, until: Date): AsyncIterable<Delivery>
  /** Where it manages subscriptions. */
  readonly subscriptions?: SubscriptionProvider
}

export interface SubscriptionCheckout {
  /** Of our subscription; idempotency key, and written onto the provider's objects. */
  readonly id: string
  /** The provider's id of the price. */
  readonly price: string
  readonly trialDays: number
  readonly email?: string
  readonly successUrl: string
  readonly cancelUrl?: string
}

/** Subscriptions that a provider manages: renewal, dunning, proration. `object` is its own id. */
export interface SubscriptionProvider {
  createCheckout(subscription: SubscriptionCheckout): Promise<Checkout>
  /**
   * Changes the price now. With `prorate` the rest of the period is asked for at once; without it nothing is, and nothing is
   * given back: the next period costs the new price. `key` is the idempotency key.
   */
  change(
    object: string,
    price: string,
    how: { readonly key: string; readonly prorate: boolean },
  ): Promise<void>
  cancel(object: string, immediately: boolean): Promise<void>
  resume(object: string): Promise<void>
  /** Address of the page where the payer manages it. */
  portal(object: string, returnUrl: string): Promise<string>
  read(object: string, now: Date): Promise<Delivery>
}
