import { bookCharge, makeCharge, type Refusal } from './charges.ts'
import { docUrl, invalid, StripeFailure } from './failure.ts'
import { attachPaymentMethod, behaviourOfMethod } from './payment-methods.ts'
import type { PaymentIntent, PaymentMethod } from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

/** What an intent is made of; everything else has Stripe's default. */
export type NewIntent = Pick<PaymentIntent, 'amount' | 'currency'> & Partial<PaymentIntent>

export function makeIntent(world: StripeWorld, given: NewIntent): PaymentIntent {
  const id = world.id('pi')
  const intent = world.payment_intents.put({
    allowed_payment_method_types: null,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${world.simulation.seeded.text(25)}`,
    confirmation_method: 'automatic',
    created: world.seconds(),
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    },
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    transfer_data: null,
    transfer_group: null,
    ...given,
    id,
    object: 'payment_intent',
    status: given.payment_method ? 'requires_confirmation' : 'requires_payment_method',
  })
  world.emit('payment_intent.created', intent)
  return intent
}

export interface ConfirmOptions {
  /** The customer is not there to answer a question of the bank. */
  readonly offSession?: boolean | undefined
  /** The customer has just answered it. */
  readonly authenticated?: boolean | undefined
  readonly returnUrl?: string | undefined
  readonly errorOnAction?: boolean | undefined
}

/** How an attempt to pay ended. */
export type Attempt =
  | { readonly ended: 'succeeded' | 'requires action' }
  | { readonly ended: 'refused'; readonly failure: StripeFailure }

const confirmable = ['requires_payment_method', 'requires_confirmation', 'requires_action']

/** Tries to pay. The intent, its charge and the events say how it went. */
export function confirmIntent(
  world: StripeWorld,
  intent: PaymentIntent,
  options: ConfirmOptions = {},
): Attempt {
  if (!confirmable.includes(intent.status))
    throw unexpectedState(
      intent,
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`,
    )
  if (!intent.payment_method)
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state' },
    )
  const method = need(world.payment_methods, 'PaymentMethod', intent.payment_method, 'payment_method')
  return world.inTimeOf(intent.customer, () => attempt(world, intent, method, options))
}

function attempt(
  world: StripeWorld,
  intent: PaymentIntent,
  method: PaymentMethod,
  options: ConfirmOptions,
): Attempt {
  const needsOwner = mustAuthenticate(world, method) && !options.authenticated
  if (needsOwner && !options.offSession && !options.errorOnAction) return askOwner(world, intent, options)
  const refusal = needsOwner ? authenticationRequired : refusalOf(world, method)
  const capture = intent.capture_method !== 'manual'
  const charge = makeCharge(world, intent, method, {
    refusal,
    capture,
    authenticated: options.authenticated ?? false,
  })
  if (refusal) return refuse(world, intent, method, charge.id, refusal)
  change(intent, {
    status: capture ? 'succeeded' : 'requires_capture',
    amount_received: capture ? intent.amount : 0,
    amount_capturable: capture ? 0 : intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
    next_action: null,
  })
  if (intent.setup_future_usage && intent.customer) keepForLater(world, method, intent)
  world.emit(capture ? 'payment_intent.succeeded' : 'payment_intent.amount_capturable_updated', intent)
  if (!capture)
    world.plan('expire-authorization', intent.id, world.seconds() + authorizationLasts, intent.customer)
  afterwards(world, charge.id, method)
  return { ended: 'succeeded' }
}

/** Seconds that an authorization waits for its capture. */
const authorizationLasts = 7 * 86_400
/** Seconds after which a card that disputes does so. */
const untilDispute = 60

/** What a test card does some time after it was charged. */
function afterwards(world: StripeWorld, charge: string, method: PaymentMethod): void {
  const { dispute } = behaviourOfMethod(world, method)
  if (dispute) world.plan('dispute', charge, world.seconds() + untilDispute, method.customer)
}

function mustAuthenticate(world: StripeWorld, method: PaymentMethod): boolean {
  const { authentication } = behaviourOfMethod(world, method)
  if (authentication === 'always') return true
  return authentication === 'unless set up' && !world.secrets.get(method.id)?.setUp
}

const authenticationRequired: Refusal = {
  code: 'authentication_required',
  reason: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
}

function refusalOf(world: StripeWorld, method: PaymentMethod): Refusal | undefined {
  const { blocked, decline } = behaviourOfMethod(world, method)
  if (blocked)
    return { code: 'card_declined', reason: 'fraudulent', message: 'Your card was declined.', blocked: true }
  return decline
}

function askOwner(world: StripeWorld, intent: PaymentIntent, { returnUrl }: ConfirmOptions): Attempt {
  const url = `${world.url()}/3ds/${intent.id}`
  change(intent, {
    status: 'requires_action',
    next_action: returnUrl
      ? { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } }
      : { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } },
  } as Partial<PaymentIntent>)
  world.emit('payment_intent.requires_action', intent)
  return { ended: 'requires action' }
}

function refuse(
  world: StripeWorld,
  intent: PaymentIntent,
  method: PaymentMethod,
  charge: string,
  refusal: Refusal,
): Attempt {
  const error = {
    charge,
    code: refusal.code,
    ...(refusal.code === 'card_declined' || refusal.code === 'authentication_required'
      ? { decline_code: refusal.reason }
      : {}),
    ...docUrl(refusal.code),
    message: refusal.message,
    payment_method: structuredClone(method),
    type: 'card_error',
  }
  change(intent, {
    status: 'requires_payment_method',
    latest_charge: charge,
    last_payment_error: error,
    next_action: null,
    payment_method: null,
  } as unknown as Partial<PaymentIntent>)
  world.emit('payment_intent.payment_failed', intent)
  return {
    ended: 'refused',
    failure: new StripeFailure(402, { ...error, payment_intent: structuredClone(intent) }),
  }
}

/** The owner has agreed to later payments; the card asks no more. */
function keepForLater(world: StripeWorld, method: PaymentMethod, intent: PaymentIntent): void {
  if (!method.customer) attachPaymentMethod(world, method, intent.customer!)
  const secret = world.secrets.get(method.id)
  if (secret && intent.setup_future_usage === 'off_session') world.secrets.put({ ...secret, setUp: true })
}

/** The owner answers the bank's question on the page that the intent leads to. */
export function answerAuthentication(world: StripeWorld, intent: PaymentIntent, agreed: boolean): Attempt {
  if (intent.status !== 'requires_action') throw unexpectedState(intent, 'There is nothing to authenticate.')
  if (agreed) return confirmIntent(world, intent, { authenticated: true })
  const method = need(world.payment_methods, 'PaymentMethod', intent.payment_method ?? '', 'payment_method')
  const refusal: Refusal = {
    code: 'payment_intent_authentication_failure',
    reason: 'authentication_failed',
    message:
      'The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.',
  }
  return world.inTimeOf(intent.customer, () =>
    refuse(world, intent, method, intent.latest_charge ?? '', refusal),
  )
}

/** Takes money that was authorized: all of it, or less; the rest is let go. */
export function captureIntent(
  world: StripeWorld,
  intent: PaymentIntent,
  amount = intent.amount_capturable,
): PaymentIntent {
  if (intent.status !== 'requires_capture')
    throw unexpectedState(
      intent,
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
    )
  if (amount > intent.amount_capturable || amount < 1)
    throw invalid(`The amount to capture has to be between 1 and ${intent.amount_capturable}.`, {
      code: 'amount_too_large',
      param: 'amount_to_capture',
    })
  return world.inTimeOf(intent.customer, () => {
    const charge = need(world.charges, 'charge', intent.latest_charge!)
    const method = need(world.payment_methods, 'PaymentMethod', intent.payment_method!)
    const rest = charge.amount - amount
    change(charge, { captured: true, amount_captured: amount, amount_refunded: rest })
    world.emit('charge.captured', charge)
    bookCharge(world, charge, behaviourOfMethod(world, method))
    change(intent, { status: 'succeeded', amount_received: amount, amount_capturable: 0 })
    world.emit('payment_intent.succeeded', intent)
    return intent
  })
}

const cancelable = [...confirmable, 'requires_capture', 'processing']

/** Ends an intent that was not paid; authorized money is let go. */
export function cancelIntent(
  world: StripeWorld,
  intent: PaymentIntent,
  reason: PaymentIntent['cancellation_reason'],
): PaymentIntent {
  if (!cancelable.includes(intent.status))
    throw unexpectedState(
      intent,
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: ${cancelable.join(', ')}.`,
    )
  return world.inTimeOf(intent.customer, () => {
    const charge =
      intent.status === 'requires_capture' ? world.charges.get(intent.latest_charge ?? '') : undefined
    change(intent, {
      status: 'canceled',
      canceled_at: world.seconds(),
      cancellation_reason: reason,
      amount_capturable: 0,
      next_action: null,
    })
    if (charge) {
      change(charge, { refunded: true, amount_refunded: charge.amount })
      world.emit(reason === 'automatic' ? 'charge.expired' : 'charge.refunded', charge)
    }
    world.emit('payment_intent.canceled', intent)
    return intent
  })
}

const unexpectedState = (intent: PaymentIntent, message: string) =>
  new StripeFailure(400, {
    code: 'payment_intent_unexpected_state',
    ...docUrl('payment_intent_unexpected_state'),
    message,
    payment_intent: structuredClone(intent),
    type: 'invalid_request_error',
  })
