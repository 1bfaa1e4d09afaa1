import { adjustBalance } from './customers.ts'
import { discountOn } from './discounts.ts'
import { invalid } from './failure.ts'
import { type Attempt, cancelIntent, confirmIntent, makeIntent } from './intents.ts'
import type {
  Customer,
  Invoice,
  InvoiceItem,
  InvoiceLine,
  PaymentIntent,
  Price,
  Subscription,
} from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

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
function withSums(world: StripeWorld, invoice: Invoice): Invoice {
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

/** Makes a draft final: it gets a number and an intent to pay, and what is nothing is paid. */
export function finalizeInvoice(world: StripeWorld, invoice: Invoice): Invoice {
  if (invoice.status !== 'draft')
    throw invalid('This invoice is already finalized, you can’t re-finalize a non-draft invoice.', {
      code: 'invoice_not_editable',
    })
  const customer = need(world.customers, 'customer', invoice.customer!)
  return world.inTimeOf(customer.id, () => {
    world.simulation.timers.cancel('finalize-invoice', invoice.id)
    invoice.starting_balance = customer.balance
    withSums(world, invoice)
    const sequence = customer.next_invoice_sequence ?? 1
    customer.next_invoice_sequence = sequence + 1
    const url = `${world.url()}/i/${invoice.id}`
    change(invoice, {
      status: 'open',
      number: `${customer.invoice_prefix}-${String(sequence).padStart(4, '0')}`,
      automatically_finalizes_at: null,
      effective_at: world.seconds(),
      hosted_invoice_url: url,
      invoice_pdf: `${url}/pdf`,
      status_transitions: { ...invoice.status_transitions, finalized_at: world.seconds() },
    })
    applyBalance(world, invoice, customer)
    endOnceDiscounts(world, invoice)
    if (invoice.amount_due > 0) addIntent(world, invoice)
    world.emit('invoice.finalized', invoice)
    if (invoice.amount_due === 0) settlePaid(world, invoice, 0)
    else if (invoice.collection_method === 'send_invoice') world.emit('invoice.sent', invoice)
    return invoice
  })
}

/** Credit of the customer pays first; an invoice below zero becomes credit. */
function applyBalance(world: StripeWorld, invoice: Invoice, customer: Customer): void {
  const applied = invoice.total < 0 ? invoice.total : invoice.total - invoice.amount_due
  if (applied !== 0)
    adjustBalance(world, customer, {
      amount: applied,
      currency: invoice.currency,
      type: invoice.total < 0 ? 'invoice_too_small' : 'applied_to_invoice',
      invoice: invoice.id,
    })
  invoice.ending_balance = customer.balance
}

/** A coupon for one invoice has been used by this one. */
function endOnceDiscounts(world: StripeWorld, invoice: Invoice): void {
  for (const id of invoice.discounts) {
    const discount = world.discounts.get(id)
    const coupon = world.coupons.get(discount?.source.coupon ?? '')
    if (discount && coupon?.duration === 'once') discount.end = world.seconds()
  }
}

function addIntent(world: StripeWorld, invoice: Invoice): PaymentIntent {
  const subscription = subscriptionOf(world, invoice)
  const intent = makeIntent(world, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    description: subscription ? 'Subscription creation' : `Payment for Invoice`,
    receipt_email: invoice.customer_email,
    ...(subscription ? { setup_future_usage: 'off_session' as const } : {}),
  })
  invoice.confirmation_secret = { client_secret: intent.client_secret!, type: 'payment_intent' }
  world.invoice_payments.put({
    id: world.id('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: world.seconds(),
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  })
  return intent
}

export const subscriptionOf = (world: StripeWorld, invoice: Invoice): Subscription | undefined =>
  world.subscriptions.get(invoice.parent?.subscription_details?.subscription ?? '')

const paymentOf = (world: StripeWorld, invoice: Invoice) =>
  world.invoice_payments.all().find((payment) => payment.invoice === invoice.id && payment.is_default)

export const intentOf = (world: StripeWorld, invoice: Invoice): PaymentIntent | undefined =>
  world.payment_intents.get(paymentOf(world, invoice)?.payment.payment_intent ?? '')

/** The card that pays an invoice when none is named. */
export function defaultMethodOf(world: StripeWorld, invoice: Invoice): string | null {
  const customer = world.customers.get(invoice.customer ?? '')
  return (
    invoice.default_payment_method ??
    subscriptionOf(world, invoice)?.default_payment_method ??
    customer?.invoice_settings.default_payment_method ??
    null
  )
}

/** Tries to pay an open invoice. How it went is told by the events of its intent. */
export function tryInvoice(
  world: StripeWorld,
  invoice: Invoice,
  options: {
    readonly method?: string | undefined
    readonly offSession?: boolean
    readonly authenticated?: boolean
  },
): Attempt | undefined {
  const method = options.method ?? defaultMethodOf(world, invoice)
  const intent = intentOf(world, invoice)
  if (!intent) throw invalid('This invoice has nothing to pay.')
  if (!method) {
    world.inTimeOf(invoice.customer, () => settleFailed(world, invoice))
    return undefined
  }
  intent.payment_method = method
  if (intent.status === 'requires_payment_method') intent.status = 'requires_confirmation'
  return confirmIntent(world, intent, {
    offSession: options.offSession ?? true,
    authenticated: options.authenticated,
  })
}

/** Notes that an invoice is paid. */
export function settlePaid(world: StripeWorld, invoice: Invoice, amount: number): void {
  const payment = paymentOf(world, invoice)
  world.simulation.timers.cancel('retry-invoice', invoice.id)
  change(invoice, {
    status: 'paid',
    amount_paid: invoice.amount_paid + amount,
    amount_remaining: 0,
    attempted: true,
    attempt_count: invoice.attempt_count + (amount > 0 ? 1 : 0),
    next_payment_attempt: null,
    status_transitions: { ...invoice.status_transitions, paid_at: world.seconds() },
  })
  if (payment && amount > 0) {
    change(payment, {
      amount_paid: amount,
      status: 'paid',
      status_transitions: { canceled_at: null, paid_at: world.seconds() },
    })
    world.emit('invoice_payment.paid', payment)
  }
  world.emit('invoice.paid', invoice)
  world.emit('invoice.payment_succeeded', invoice)
}

/** Notes that an invoice could not be paid, and plans the next attempt. */
function settleFailed(world: StripeWorld, invoice: Invoice): void {
  const attempts = invoice.attempt_count + 1
  const isFirst = invoice.billing_reason === 'subscription_create'
  const pause = isFirst || !invoice.auto_advance ? undefined : world.account.retryDays[attempts - 1]
  const next = pause === undefined ? null : world.seconds() + pause * day
  change(invoice, { attempt_count: attempts, attempted: true, next_payment_attempt: next })
  if (next !== null) world.plan('retry-invoice', invoice.id, next, invoice.customer)
  world.emit('invoice.payment_failed', invoice)
}

/** Ends an invoice that nobody has to pay any more. */
export function endInvoice(world: StripeWorld, invoice: Invoice, as: 'void' | 'uncollectible'): Invoice {
  const allowed = as === 'void' ? ['open', 'uncollectible'] : ['open']
  if (!allowed.includes(invoice.status ?? ''))
    throw invalid(`This invoice is ${invoice.status} and cannot be made ${as}.`, {
      code: 'invoice_not_editable',
    })
  return world.inTimeOf(invoice.customer, () => {
    world.simulation.timers.cancel('retry-invoice', invoice.id)
    const at = as === 'void' ? { voided_at: world.seconds() } : { marked_uncollectible_at: world.seconds() }
    change(invoice, {
      status: as,
      next_payment_attempt: null,
      status_transitions: { ...invoice.status_transitions, ...at },
    })
    const intent = intentOf(world, invoice)
    if (as === 'void' && intent && intent.status !== 'canceled') cancelIntent(world, intent, 'void_invoice')
    world.emit(as === 'void' ? 'invoice.voided' : 'invoice.marked_uncollectible', invoice)
    return invoice
  })
}

/** Lets invoices follow their intents, whoever paid them and wherever. */
export function followIntents(world: StripeWorld): void {
  const invoiceOf = (intent: PaymentIntent) => {
    const payment = world.invoice_payments.all().findLast((each) => each.payment.payment_intent === intent.id)
    return payment && world.invoices.get(payment.invoice)
  }
  world.listen('payment_intent.succeeded', (intent: PaymentIntent) => {
    const invoice = invoiceOf(intent)
    if (invoice && (invoice.status === 'open' || invoice.status === 'uncollectible'))
      settlePaid(world, invoice, intent.amount_received)
  })
  world.listen('payment_intent.payment_failed', (intent: PaymentIntent) => {
    const invoice = invoiceOf(intent)
    if (invoice?.status === 'open') settleFailed(world, invoice)
  })
  world.listen('payment_intent.requires_action', (intent: PaymentIntent) => {
    const invoice = invoiceOf(intent)
    if (!invoice) return
    change(invoice, { attempted: true, attempt_count: invoice.attempt_count + 1 })
    world.emit('invoice.payment_action_required', invoice)
  })
}
