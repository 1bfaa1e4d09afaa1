import type Stripe from 'stripe'

/**
 * An object as it is stored and sent: what may be expanded is an id, and decimals are text. The official types are the
 * specification: an object that lacks a field of theirs does not compile.
 */
type Stored<T> = T extends string
  ? T
  : T extends Stripe.Decimal
    ? string
    : T extends readonly (infer Item)[]
      ? StoredField<Item>[]
      : T extends object
        ? { [Name in keyof T]: StoredField<T[Name]> }
        : T

type StoredField<T> = [Extract<T, string>] extends [never]
  ? Stored<T>
  : Stored<Exclude<T, { object: string } | { deleted: true }>>

export type BalanceTransaction = Stored<Stripe.BalanceTransaction>
export type Charge = Stored<Stripe.Charge>
export type Coupon = Stored<Stripe.Coupon>
export type Customer = Stored<Stripe.Customer>
export type CustomerBalanceTransaction = Stored<Stripe.CustomerBalanceTransaction>
export type Discount = Stored<Stripe.Discount>
export type Dispute = Stored<Stripe.Dispute>
export type Invoice = Stored<Stripe.Invoice>
export type InvoiceItem = Stored<Stripe.InvoiceItem>
export type InvoiceLine = Stored<Stripe.InvoiceLineItem>
export type InvoicePayment = Stored<Stripe.InvoicePayment>
export type LineItem = Stored<Stripe.LineItem>
export type PaymentIntent = Stored<Stripe.PaymentIntent>
export type PaymentMethod = Stored<Stripe.PaymentMethod>
export type PortalConfiguration = Stored<Stripe.BillingPortal.Configuration>
export type PortalSession = Stored<Stripe.BillingPortal.Session>
export type Price = Stored<Stripe.Price>
export type Product = Stored<Stripe.Product>
export type PromotionCode = Stored<Stripe.PromotionCode>
export type Refund = Stored<Stripe.Refund>
export type CheckoutSession = Stored<Stripe.Checkout.Session>
export type SetupIntent = Stored<Stripe.SetupIntent>
export type Subscription = Stored<Stripe.Subscription>
export type SubscriptionItem = Stored<Stripe.SubscriptionItem>
export type TestClock = Stored<Stripe.TestHelpers.TestClock>
export type WebhookEndpoint = Stored<Stripe.WebhookEndpoint>
export type EventType = Stripe.Event.Type

/** What Stripe tells of: an object as it was at that moment. */
export interface StripeEvent {
  readonly id: string
  readonly object: 'event'
  readonly api_version: string
  readonly created: number
  readonly data: { readonly object: object; readonly previous_attributes?: object }
  readonly livemode: false
  readonly pending_webhooks: number
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
  readonly type: EventType
}
