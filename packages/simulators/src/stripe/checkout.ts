import { behaviourOf } from './cards.ts'
import { amountOf } from './catalog.ts'
import { makeCustomer } from './customers.ts'
import { couponOf, discountOn } from './discounts.ts'
import { invalid, StripeFailure } from './failure.ts'
import { confirmIntent, makeIntent } from './intents.ts'
import { attachPaymentMethod, makePaymentMethod } from './payment-methods.ts'
import { confirmSetup, makeSetupIntent } from './setup-intents.ts'
import { makeSubscription } from './subscriptions.ts'
import type {
  CheckoutSession,
  Customer,
  LineItem,
  PaymentIntent,
  PaymentMethod,
  Subscription,
} from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

/** What a session will do once it is paid; the session itself does not show it. */
export interface SessionPlan {
  /** Of the session. */
  readonly id: string
  readonly lines: LineItem[]
  readonly intent: Partial<PaymentIntent>
  readonly subscription: {
    readonly fields: Partial<Subscription>
    readonly trialEnd?: number
    readonly trialDays?: number
    readonly anchor?: number
  }
  readonly setup: { readonly metadata?: Record<string, string>; readonly description?: string | null }
  readonly discount: {
    readonly coupon?: string | undefined
    readonly promotion_code?: string | undefined
  } | null
}

export const planTable = (world: StripeWorld) => world.simulation.table<SessionPlan>('session_plans')

/** What a person types on the page of a session. */
export interface Payer {
  readonly number: string
  readonly email?: string | undefined
  readonly name?: string | undefined
  /** They agreed when their bank asked. */
  readonly authenticated?: boolean
}

/** How paying went: it is done, the bank asks, or the card was refused. */
export type Paid =
  | { readonly ended: 'done' }
  | { readonly ended: 'asks'; readonly intent: string }
  | { readonly ended: 'refused'; readonly message: string }

/** One line of a session, with its sums. */
export function makeLineItem(
  world: StripeWorld,
  price: NonNullable<LineItem['price']>,
  quantity: number,
): LineItem {
  const amount = amountOf(price, quantity)
  return {
    id: world.id('li'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: price.currency,
    description: world.products.get(price.product)?.name ?? null,
    metadata: null,
    price,
    quantity,
  }
}

/** Takes a coupon off the lines, and says what is left. */
export function applyDiscount(world: StripeWorld, session: CheckoutSession, plan: SessionPlan): void {
  const subtotal = plan.lines.reduce((sum, line) => sum + line.amount_subtotal, 0)
  const discount = plan.discount ? discountOn(subtotal, couponOf(world, plan.discount)) : 0
  let left = discount
  for (const [at, line] of plan.lines.entries()) {
    const isLast = at === plan.lines.length - 1
    const share = isLast ? left : Math.floor((discount * line.amount_subtotal) / Math.max(1, subtotal))
    Object.assign(line, { amount_discount: share, amount_total: line.amount_subtotal - share })
    left -= share
  }
  change(session, {
    amount_subtotal: subtotal,
    amount_total: subtotal - discount,
    total_details: { amount_discount: discount, amount_shipping: 0, amount_tax: 0 },
    discounts: plan.discount
      ? [{ coupon: plan.discount.coupon ?? null, promotion_code: plan.discount.promotion_code ?? null }]
      : null,
  })
}

/** Somebody pays at the page of a session. Fails when the session is over. */
export function paySession(world: StripeWorld, session: CheckoutSession, payer: Payer): Paid {
  if (session.status !== 'open')
    throw invalid(`This Checkout Session is ${session.status}.`, { code: 'checkout_session_not_open' })
  return world.inTimeOf(session.customer, () => {
    try {
      return payWith(world, session, payer)
    } catch (error) {
      if (error instanceof StripeFailure && error.status === 402)
        return { ended: 'refused', message: error.message }
      throw error
    }
  })
}

function payWith(world: StripeWorld, session: CheckoutSession, payer: Payer): Paid {
  const plan = need(planTable(world), 'session', session.id)
  const email = session.customer_email ?? payer.email ?? null
  const method = makePaymentMethod(world, {
    type: 'card',
    card: { number: payer.number },
    billing_details: { email, name: payer.name ?? null },
  })
  rememberPayer(world, session, payer, email)
  if (session.mode === 'payment') return payOnce(world, session, plan, method, payer)
  const { decline, attaches, blocked, authentication } = behaviourOf(payer.number) ?? {}
  if (blocked || (decline && !(attaches && authentication)))
    return { ended: 'refused', message: decline?.message ?? 'Your card was declined.' }
  if (authentication && !payer.authenticated) return { ended: 'asks', intent: session.id }
  if (decline) return { ended: 'refused', message: decline.message }
  const customer = customerOf(world, session, payer, email)
  return session.mode === 'setup'
    ? keepCard(world, session, plan, customer, method)
    : subscribe(world, session, plan, customer, method)
}

function rememberPayer(
  world: StripeWorld,
  session: CheckoutSession,
  payer: Payer,
  email: string | null,
): void {
  const known = world.customers.get(session.customer ?? '')
  session.customer_details = {
    address: {
      city: null,
      country: world.account.country,
      line1: null,
      line2: null,
      postal_code: null,
      state: null,
    },
    business_name: null,
    email: known?.email ?? email,
    individual_name: null,
    name: payer.name ?? known?.name ?? null,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
  }
}

function customerOf(
  world: StripeWorld,
  session: CheckoutSession,
  payer: Payer,
  email: string | null,
): Customer {
  const known = world.customers.get(session.customer ?? '')
  if (known) return known
  const made = makeCustomer(world, { email, name: payer.name ?? null })
  session.customer = made.id
  return made
}

function payOnce(
  world: StripeWorld,
  session: CheckoutSession,
  plan: SessionPlan,
  method: PaymentMethod,
  payer: Payer,
): Paid {
  if (session.customer_creation === 'always')
    customerOf(world, session, payer, session.customer_details?.email ?? null)
  if (session.amount_total === 0) {
    complete(world, session, 'no_payment_required')
    return { ended: 'done' }
  }
  const intent =
    world.payment_intents.get(session.payment_intent ?? '') ??
    makeIntent(world, {
      ...plan.intent,
      amount: session.amount_total!,
      currency: session.currency!,
      customer: session.customer,
    })
  session.payment_intent = intent.id
  intent.payment_method = method.id
  intent.customer = session.customer
  if (intent.status === 'requires_payment_method') intent.status = 'requires_confirmation'
  // Its success ends the session, here or after the bank has asked.
  const attempt = confirmIntent(world, intent, {
    authenticated: payer.authenticated,
    returnUrl: session.success_url ?? undefined,
  })
  if (attempt.ended === 'refused') return { ended: 'refused', message: attempt.failure.message }
  return attempt.ended === 'requires action' ? { ended: 'asks', intent: intent.id } : { ended: 'done' }
}

function keepCard(
  world: StripeWorld,
  session: CheckoutSession,
  plan: SessionPlan,
  customer: Customer,
  method: PaymentMethod,
): Paid {
  const intent = makeSetupIntent(world, { ...plan.setup, customer: customer.id, payment_method: method.id })
  session.setup_intent = intent.id
  confirmSetup(world, intent, { authenticated: true })
  complete(world, session, 'no_payment_required')
  return { ended: 'done' }
}

function subscribe(
  world: StripeWorld,
  session: CheckoutSession,
  plan: SessionPlan,
  customer: Customer,
  method: PaymentMethod,
): Paid {
  attachPaymentMethod(world, method, customer.id)
  const now = world.seconds()
  const { trialDays, trialEnd, anchor, fields } = plan.subscription
  const subscription = makeSubscription(world, {
    customer,
    items: plan.lines
      .filter((line) => line.price?.type === 'recurring')
      .map((line) => ({ price: line.price!, quantity: line.quantity ?? 1 })),
    trialEnd: trialDays ? now + trialDays * 86_400 : trialEnd,
    anchor,
    discounts: plan.discount ? [plan.discount] : [],
    onSession: true,
    authenticated: true,
    fields: { ...fields, default_payment_method: method.id },
  })
  change(session, { subscription: subscription.id, invoice: subscription.latest_invoice })
  complete(
    world,
    session,
    session.amount_total === 0 || subscription.status === 'trialing' ? 'no_payment_required' : 'paid',
  )
  return { ended: 'done' }
}

function complete(
  world: StripeWorld,
  session: CheckoutSession,
  paymentStatus: CheckoutSession['payment_status'],
): void {
  world.simulation.timers.cancel('expire-session', session.id)
  change(session, { status: 'complete', payment_status: paymentStatus, url: null })
  world.emit('checkout.session.completed', session)
}

/** Ends a session that nobody paid. */
export function expireSession(world: StripeWorld, session: CheckoutSession): CheckoutSession {
  if (session.status !== 'open')
    throw invalid(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}`,
      {
        code: 'checkout_session_not_open',
      },
    )
  world.simulation.timers.cancel('expire-session', session.id)
  change(session, { status: 'expired', url: null })
  world.emit('checkout.session.expired', session)
  return session
}

/** Lets sessions follow their intents. */
export function followPayments(world: StripeWorld): void {
  const sessionOf = (intent: PaymentIntent) =>
    world.sessions
      .all()
      .findLast((session) => session.payment_intent === intent.id && session.status === 'open')
  const finish = (status: 'paid' | 'unpaid') => (intent: PaymentIntent) => {
    const session = sessionOf(intent)
    if (session) complete(world, session, status)
  }
  world.listen('payment_intent.succeeded', finish('paid'))
  world.listen('payment_intent.amount_capturable_updated', finish('unpaid'))
}
