import { z } from 'zod'
import { docUrl, invalid, StripeFailure } from './failure.ts'
import { clearable, flag, list, metadata, oneOf, text } from './params.ts'
import {
  attachPaymentMethod,
  behaviourOfMethod,
  makePaymentMethod,
  paymentMethodData,
  resolvePaymentMethod,
} from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { SetupIntent } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

type NewSetup = Partial<
  Pick<
    SetupIntent,
    'customer' | 'description' | 'metadata' | 'payment_method' | 'usage' | 'automatic_payment_methods'
  >
>

/** An intent to keep a card for later payments. */
export function makeSetupIntent(world: StripeWorld, given: NewSetup): SetupIntent {
  const id = world.id('seti')
  const intent = world.setup_intents.put({
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${world.simulation.seeded.text(25)}`,
    created: world.seconds(),
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card'],
    single_use_mandate: null,
    usage: 'off_session',
    ...given,
    id,
    object: 'setup_intent',
    status: given.payment_method ? 'requires_confirmation' : 'requires_payment_method',
  })
  world.emit('setup_intent.created', intent)
  return intent
}

/** Keeps the card for its customer. Where the bank asks the owner, `authenticated` says that they agreed. */
export function confirmSetup(
  world: StripeWorld,
  intent: SetupIntent,
  options: { readonly authenticated?: boolean; readonly returnUrl?: string | undefined } = {},
): SetupIntent {
  if (
    !intent.payment_method ||
    !['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status)
  )
    throw invalid(`You cannot confirm this SetupIntent because it has a status of ${intent.status}.`, {
      code: 'setup_intent_unexpected_state',
    })
  const method = need(world.payment_methods, 'PaymentMethod', intent.payment_method, 'payment_method')
  if (behaviourOfMethod(world, method).authentication && !options.authenticated) {
    const url = `${world.url()}/3ds/${intent.id}`
    change(intent, {
      status: 'requires_action',
      next_action: options.returnUrl
        ? { type: 'redirect_to_url', redirect_to_url: { return_url: options.returnUrl, url } }
        : { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } },
    } as unknown as Partial<SetupIntent>)
    world.emit('setup_intent.requires_action', intent)
    return intent
  }
  try {
    if (intent.customer) attachPaymentMethod(world, method, intent.customer)
  } catch (error) {
    if (!(error instanceof StripeFailure) || error.status !== 402) throw error
    failSetup(world, intent, error.body)
    throw new StripeFailure(402, { ...error.body, setup_intent: structuredClone(intent) })
  }
  const secret = world.secrets.get(method.id)
  if (secret) world.secrets.put({ ...secret, setUp: true })
  change(intent, { status: 'succeeded', next_action: null, last_setup_error: null })
  world.emit('setup_intent.succeeded', intent)
  return intent
}

/** The card is not kept. */
export function failSetup(
  world: StripeWorld,
  intent: SetupIntent,
  error: Readonly<Record<string, unknown>>,
): void {
  const code = String(error['code'])
  change(intent, {
    status: 'requires_payment_method',
    payment_method: null,
    next_action: null,
    last_setup_error: { ...error, ...docUrl(code) },
  } as unknown as Partial<SetupIntent>)
  world.emit('setup_intent.setup_failed', intent)
}

export function setupRoutes(world: StripeWorld): Route[] {
  const { setup_intents: intents } = world
  const find = (id: string | undefined) => need(intents, 'setupintent', id!)
  const methodOf = (id: string | undefined, data: z.output<typeof paymentMethodData> | undefined) =>
    data ? makePaymentMethod(world, data).id : id ? resolvePaymentMethod(world, id).id : undefined
  return [
    route(
      'POST',
      '/v1/setup_intents',
      {
        automatic_payment_methods: z
          .strictObject({ enabled: flag, allow_redirects: oneOf('always', 'never').optional() })
          .optional(),
        confirm: flag.optional(),
        customer: text.optional(),
        description: clearable.optional(),
        metadata: metadata.optional(),
        payment_method: text.optional(),
        payment_method_data: paymentMethodData.optional(),
        payment_method_types: list(oneOf('card')).optional(),
        return_url: text.optional(),
        usage: oneOf('off_session', 'on_session').optional(),
      },
      (given) => {
        if (given.customer) need(world.customers, 'customer', given.customer, 'customer')
        const method = methodOf(given.payment_method, given.payment_method_data)
        const intent = makeSetupIntent(world, {
          customer: given.customer ?? null,
          description: given.description ?? null,
          metadata: patchMetadata({}, given.metadata),
          payment_method: method ?? null,
          usage: given.usage ?? 'off_session',
        })
        return given.confirm ? confirmSetup(world, intent, { returnUrl: given.return_url }) : intent
      },
    ),
    listRoute('/v1/setup_intents', { customer: text.optional() }, ({ customer }) =>
      intents.all().filter((intent) => !customer || intent.customer === customer),
    ),
    route('GET', '/v1/setup_intents/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/setup_intents/:id/confirm',
      {
        payment_method: text.optional(),
        payment_method_data: paymentMethodData.optional(),
        return_url: text.optional(),
      },
      (given, { id }) => {
        const intent = find(id)
        const method = methodOf(given.payment_method, given.payment_method_data)
        if (method) intent.payment_method = method
        return confirmSetup(world, intent, { returnUrl: given.return_url })
      },
    ),
    route('POST', '/v1/setup_intents/:id/cancel', {}, (_, { id }) => {
      const intent = find(id)
      if (intent.status === 'succeeded' || intent.status === 'canceled')
        throw invalid(`You cannot cancel this SetupIntent because it has a status of ${intent.status}.`, {
          code: 'setup_intent_unexpected_state',
        })
      change(intent, { status: 'canceled', next_action: null })
      world.emit('setup_intent.canceled', intent)
      return intent
    }),
  ]
}
