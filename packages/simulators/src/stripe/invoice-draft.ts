import { discountOn } from './discounts.ts'
import type { Customer, Invoice, InvoiceItem, InvoiceLine, Price, Subscription } from './types.ts'
import type { StripeWorld } from './world.ts'

/** What is to stand on an invoice. Amounts are minor units; below zero it is a credit. */
export interface LineDraft {
  readonly amount: number
  readonly description: string | null
  readonly period: { readonly start: number; readonly end: number }
  readonly quantity: number
  readonly price?: Price | undefined
  readonly proration?: boolean
  readonly subscription?: string | undefined
  readonly subscriptionItem?: string | undefined
  readonly invoiceItem?: string | undefined
  readonly discountable?: boolean
  readonly metadata?: Record<string, string>
}

export interface NewInvoice {
  readonly customer: Customer
  readonly currency: string
  readonly reason: Invoice['billing_reason']
  readonly lines: readonly LineDraft[]
  readonly subscription?: Subscription | undefined
  readonly collection?: 'charge_automatically' | 'send_invoice' | undefined
  readonly daysUntilDue?: number | undefined
  readonly fields?: Partial<Invoice>
}

const day = 86_400

/** Seconds for which an invoice of a cycle is a draft. */
export const draftLasts = 3600

/** Describes a price as Stripe's lines refer to it. */
export const pricingOf = (price: Price | undefined): InvoiceLine['pricing'] =>
  price
    ? {
        price_details: { price: price.id, product: price.product },
        type: 'price_details',
        unit_amount_decimal: price.unit_amount_decimal,
      }
    : null

function makeLine(world: StripeWorld, invoice: string, currency: string, draft: LineDraft): InvoiceLine {
  const proration = draft.proration ?? false
  const details = { proration, proration_details: proration ? { credited_items: null } : null }
  const subscription = draft.subscription ?? null
  return {
    id: world.id('il'),
    object: 'line_item',
    amount: draft.amount,
    currency,
    description: draft.description,
    discount_amounts: [],
    discountable: draft.discountable ?? !proration,
    discounts: [],
    invoice,
    livemode: false,
    metadata: draft.metadata ?? {},
    parent: draft.invoiceItem
      ? {
          invoice_item_details: { ...details, invoice_item: draft.invoiceItem, subscription },
          subscription_item_details: null,
          type: 'invoice_item_details',
        }
      : {
          invoice_item_details: null,
          subscription_item_details: {
            ...details,
            invoice_item: null,
            subscription,
            subscription_item: draft.subscriptionItem ?? '',
          },
          type: 'subscription_item_details',
        },
    period: { ...draft.period },
    pretax_credit_amounts: [],
    pricing: pricingOf(draft.price),
    quantity: draft.quantity,
    quantity_decimal: String(draft.quantity),
    subscription,
    subtotal: draft.amount,
    taxes: [],
  }
}

const itemAsDraft = (world: StripeWorld, item: InvoiceItem): LineDraft => ({
  amount: item.amount,
  description: item.description,
  period: item.period,
  quantity: item.quantity,
  price: world.prices.get(item.pricing?.price_details?.price ?? ''),
  proration: item.proration,
  subscription: item.parent?.subscription_details?.subscription,
  invoiceItem: item.id,
  discountable: item.discountable,
  metadata: item.metadata ?? {},
})

/** An invoice that nobody has: with `pending` items of the customer, and its sums. Nothing is stored. */
export function draftInvoice(
  world: StripeWorld,
  given: NewInvoice,
  pending: readonly InvoiceItem[],
  id: string,
): Invoice {
  const { customer, currency, subscription } = given
  const now = world.seconds()
  const lines = [...pending.map((item) => itemAsDraft(world, item)), ...given.lines].map((draft) =>
    makeLine(world, id, currency, draft),
  )
  const collection = given.collection ?? 'charge_automatically'
  return withSums(world, {
    id,
    object: 'invoice',
    account_country: world.account.country,
    account_name: world.account.name,
    account_tax_ids: null,
    amount_due: 0,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: true,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null,
    billing_reason: given.reason,
    collection_method: collection,
    confirmation_secret: null,
    created: now,
    currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address ?? null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    customer_shipping: null,
    customer_tax_exempt: customer.tax_exempt ?? 'none',
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: subscription?.discounts ?? [],
    due_date: collection === 'send_invoice' ? now + (given.daysUntilDue ?? 30) * day : null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: 'list',
      data: lines,
      has_more: false,
      url: `/v1/invoices/${id}/lines`,
    } as Invoice['lines'],
    livemode: false,
    metadata: {},
    next_payment_attempt: null,
    number: null,
    on_behalf_of: null,
    parent: subscription
      ? {
          quote_details: null,
          subscription_details: { metadata: { ...subscription.metadata }, subscription: subscription.id },
          type: 'subscription_details',
        }
      : null,
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: now,
    period_start: now,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: customer.balance,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    subtotal: 0,
    subtotal_excluding_tax: 0,
    test_clock: customer.test_clock ?? null,
    total: 0,
    total_discount_amounts: [],
    total_excluding_tax: 0,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: now,
    ...given.fields,
  })
}

/** Adds up the lines, takes discounts off, and says what is due after the customer's balance. */
export function withSums(world: StripeWorld, invoice: Invoice): Invoice {
  const lines = invoice.lines.data
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0)
  let discountable = lines.filter((line) => line.discountable).reduce((sum, { amount }) => sum + amount, 0)
  const discounts = invoice.discounts
    .map((id) => world.discounts.get(id))
    .filter((discount) => discount !== undefined)
    .filter(({ end }) => end === null || end > world.seconds())
    .map((discount) => {
      const coupon = world.coupons.get(discount.source.coupon ?? '')
      const amount = coupon ? discountOn(discountable, coupon) : 0
      discountable -= amount
      return { amount, discount: discount.id }
    })
  const total = subtotal - discounts.reduce((sum, { amount }) => sum + amount, 0)
  const due = Math.max(0, total + (total > 0 ? Math.min(0, invoice.starting_balance) : 0))
  return Object.assign(invoice, {
    subtotal,
    subtotal_excluding_tax: subtotal,
    total,
    total_excluding_tax: total,
    total_discount_amounts: discounts,
    amount_due: due,
    amount_remaining: due - invoice.amount_paid,
  })
}

/** What waits for the customer's next invoice, or for that of one subscription. */
export const pendingItems = (world: StripeWorld, customer: string, subscription?: string): InvoiceItem[] =>
  world.invoice_items.all().filter((item) => {
    const own = item.parent?.subscription_details?.subscription
    return item.customer === customer && item.invoice === null && (!own || own === subscription)
  })

/** Makes a draft of an invoice, with what is pending for its customer. */
export function makeInvoice(world: StripeWorld, given: NewInvoice, include: readonly InvoiceItem[]): Invoice {
  const invoice = world.invoices.put(draftInvoice(world, given, include, world.id('in')))
  for (const item of include) item.invoice = invoice.id
  if (given.subscription) given.subscription.latest_invoice = invoice.id
  world.emit('invoice.created', invoice)
  return invoice
}

/** Reads a draft's pending items again after one of them changed. */
export function refreshDraft(world: StripeWorld, invoice: Invoice): void {
  const items = world.invoice_items.all().filter((item) => item.invoice === invoice.id)
  const others = invoice.lines.data.filter((line) => !line.parent?.invoice_item_details)
  invoice.lines.data = [
    ...items.map((item) => makeLine(world, invoice.id, invoice.currency, itemAsDraft(world, item))),
    ...others,
  ]
  withSums(world, invoice)
}
