import { z } from 'zod'
import { makePrice, priceData } from './catalog.ts'
import { applyDiscount, expireSession, makeLineItem, planTable, type SessionPlan } from './checkout.ts'
import { discountGiven } from './discounts.ts'
import { invalid } from './failure.ts'
import { clearable, currency, flag, list, metadata, oneOf, text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { CheckoutSession, PaymentIntent, Subscription } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

const lineGiven = z.strictObject({
  price: text.optional(),
  price_data: priceData.optional(),
  quantity: whole.optional(),
})

const intentData = z.strictObject({
  capture_method: oneOf('automatic', 'automatic_async', 'manual').optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  receipt_email: text.optional(),
  setup_future_usage: oneOf('off_session', 'on_session').optional(),
  statement_descriptor: text.optional(),
  statement_descriptor_suffix: text.optional(),
  transfer_group: text.optional(),
})

const subscriptionData = z.strictObject({
  billing_cycle_anchor: whole.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  trial_end: whole.optional(),
  trial_period_days: whole.optional(),
  trial_settings: z
    .strictObject({
      end_behavior: z.strictObject({ missing_payment_method: oneOf('cancel', 'create_invoice', 'pause') }),
    })
    .optional(),
})

const disabled = z.strictObject({ enabled: oneOf('false') })

const sessionGiven = z.strictObject({
  allow_promotion_codes: flag.optional(),
  automatic_tax: disabled.optional(),
  billing_address_collection: oneOf('auto', 'required').optional(),
  cancel_url: text.optional(),
  client_reference_id: text.optional(),
  currency: currency.optional(),
  customer: text.optional(),
  customer_creation: oneOf('always', 'if_required').optional(),
  customer_email: text.optional(),
  discounts: list(discountGiven).optional(),
  expires_at: whole.optional(),
  invoice_creation: disabled.optional(),
  line_items: list(lineGiven).optional(),
  locale: text.optional(),
  metadata: metadata.optional(),
  mode: oneOf('payment', 'setup', 'subscription'),
  payment_intent_data: intentData.optional(),
  payment_method_collection: oneOf('always', 'if_required').optional(),
  payment_method_types: list(oneOf('card')).optional(),
  phone_number_collection: disabled.optional(),
  setup_intent_data: z
    .strictObject({ description: text.optional(), metadata: metadata.optional() })
    .optional(),
  submit_type: oneOf('auto', 'book', 'donate', 'pay', 'subscribe').optional(),
  subscription_data: subscriptionData.optional(),
  success_url: text,
  ui_mode: oneOf('hosted_page', 'hosted').optional(),
})

type Given = z.output<typeof sessionGiven>

const hour = 3600

/** Makes a session whose page takes the payment. It expires after 24 hours, or when the call says. */
export function makeSession(world: StripeWorld, given: Given): CheckoutSession {
  if (given.customer) need(world.customers, 'customer', given.customer, 'customer')
  if (given.customer && given.customer_email)
    throw invalid('You may only specify one of these parameters: customer, customer_email.', {
      param: 'customer',
    })
  const lines = linesOf(world, given)
  return world.inTimeOf(given.customer, () => {
    const now = world.seconds()
    const expiresAt = given.expires_at ?? now + 24 * hour
    if (expiresAt < now + hour / 2 - 60 || expiresAt > now + 24 * hour + 60)
      throw invalid('The `expires_at` timestamp must be between 30 minutes and 24 hours from now.', {
        param: 'expires_at',
      })
    const session = world.sessions.put(blankSession(world, given, expiresAt, lines[0]?.currency))
    const plan = planTable(world).put(planOf(session.id, given, lines))
    if (given.mode !== 'setup') applyDiscount(world, session, plan)
    world.plan('expire-session', session.id, expiresAt, given.customer)
    return session
  })
}

function linesOf(world: StripeWorld, given: Given): SessionPlan['lines'] {
  if (given.mode === 'setup') return []
  const items = given.line_items ?? []
  if (items.length === 0)
    throw invalid('Missing required param: line_items.', { code: 'parameter_missing', param: 'line_items' })
  const lines = items.map((item, at) => {
    const param = `line_items[${at}][price]`
    if (!item.price && !item.price_data)
      throw invalid(`Missing required param: ${param}.`, { code: 'parameter_missing', param })
    const price = item.price_data
      ? makePrice(world, item.price_data)
      : need(world.prices, 'price', item.price!, param)
    if (given.mode === 'payment' && price.type === 'recurring')
      throw invalid(
        'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
        { param: 'mode' },
      )
    return makeLineItem(world, price, item.quantity ?? 1)
  })
  if (given.mode === 'subscription' && lines.some((line) => line.price?.type !== 'recurring'))
    throw invalid('The simulator takes only recurring prices in `subscription` mode.', {
      param: 'line_items',
    })
  if (new Set(lines.map((line) => line.currency)).size > 1)
    throw invalid('All prices on a Checkout Session must have the same currency.', { param: 'line_items' })
  return lines
}

function planOf(id: string, given: Given, lines: SessionPlan['lines']): SessionPlan {
  const { metadata: intentMetadata, ...intent } = given.payment_intent_data ?? {}
  const {
    trial_end,
    trial_period_days,
    billing_cycle_anchor,
    metadata: subscriptionMetadata,
    trial_settings,
    ...rest
  } = given.subscription_data ?? {}
  const defined = (fields: object) =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  return {
    id,
    lines,
    intent: { ...(defined(intent) as Partial<PaymentIntent>), metadata: patchMetadata({}, intentMetadata) },
    subscription: {
      fields: {
        ...(defined(rest) as Partial<Subscription>),
        ...(trial_settings
          ? {
              trial_settings: {
                end_behavior: { billing_cycle_anchor: null, ...trial_settings.end_behavior },
              },
            }
          : {}),
        metadata: patchMetadata({}, subscriptionMetadata),
      },
      ...(trial_end ? { trialEnd: trial_end } : {}),
      ...(trial_period_days ? { trialDays: trial_period_days } : {}),
      ...(billing_cycle_anchor ? { anchor: billing_cycle_anchor } : {}),
    },
    setup: {
      metadata: patchMetadata({}, given.setup_intent_data?.metadata),
      description: given.setup_intent_data?.description ?? null,
    },
    discount: given.discounts?.[0] ?? null,
  }
}

function blankSession(
  world: StripeWorld,
  given: Given,
  expiresAt: number,
  unit: string | undefined,
): CheckoutSession {
  const id = world.id('cs_test')
  return {
    id,
    object: 'checkout.session',
    adaptive_pricing: null,
    after_expiration: null,
    allow_promotion_codes: given.allow_promotion_codes ?? null,
    allowed_payment_method_types: null,
    amount_subtotal: null,
    amount_total: null,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: given.billing_address_collection ?? null,
    cancel_url: given.cancel_url ?? null,
    client_reference_id: given.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: world.seconds(),
    currency: unit ?? given.currency ?? null,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: given.customer ?? null,
    customer_account: null,
    customer_creation:
      given.mode === 'payment'
        ? (given.customer_creation ?? 'if_required')
        : given.customer
          ? null
          : 'always',
    customer_details: null,
    customer_email: given.customer_email ?? null,
    discounts: null,
    expires_at: expiresAt,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: (given.locale as CheckoutSession['locale']) ?? null,
    managed_payments: null,
    metadata: patchMetadata({}, given.metadata),
    mode: given.mode,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection:
      given.mode === 'subscription' ? (given.payment_method_collection ?? 'always') : 'if_required',
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    payment_status: given.mode === 'setup' ? 'no_payment_required' : 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: given.submit_type ?? null,
    subscription: null,
    success_url: given.success_url,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${world.url()}/c/pay/${id}`,
    wallet_options: null,
  }
}

export function checkoutRoutes(world: StripeWorld): Route[] {
  const { sessions } = world
  const find = (id: string | undefined) => need(sessions, 'checkout.session', id!)
  return [
    route('POST', '/v1/checkout/sessions', sessionGiven.shape, (given) => makeSession(world, given)),
    listRoute(
      '/v1/checkout/sessions',
      {
        customer: text.optional(),
        payment_intent: text.optional(),
        subscription: text.optional(),
        status: text.optional(),
      },
      (wanted) =>
        sessions
          .all()
          .filter((session) => !wanted.customer || session.customer === wanted.customer)
          .filter((session) => !wanted.payment_intent || session.payment_intent === wanted.payment_intent)
          .filter((session) => !wanted.subscription || session.subscription === wanted.subscription)
          .filter((session) => !wanted.status || session.status === wanted.status),
    ),
    route('GET', '/v1/checkout/sessions/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/checkout/sessions/:id',
      { metadata: metadata.optional(), client_reference_id: clearable.optional() },
      (given, { id }) => {
        const session = find(id)
        change(session, {
          metadata: patchMetadata(session as { metadata: Record<string, string> | null }, given.metadata),
        })
        return session
      },
    ),
    route('POST', '/v1/checkout/sessions/:id/expire', {}, (_, { id }) => expireSession(world, find(id))),
    listRoute('/v1/checkout/sessions/:id/line_items', {}, (_, { id }) => {
      find(id)
      return (planTable(world).get(id!)?.lines ?? []).toReversed()
    }),
  ]
}
