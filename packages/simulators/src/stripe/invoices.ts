import { adjustBalance } from './customers.ts'
import { invalid } from './failure.ts'
import { type Attempt, cancelIntent, confirmIntent, makeIntent } from './intents.ts'
import { withSums } from './invoice-draft.ts'
import type { Customer, Invoice, PaymentIntent, Subscription } from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

const day = 86_400

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
