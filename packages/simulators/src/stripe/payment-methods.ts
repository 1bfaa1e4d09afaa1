import { createHash } from 'node:crypto'
import { z } from 'zod'
import { behaviourOf, type CardBehaviour, cardNumberOf } from './cards.ts'
import { invalid, StripeFailure } from './failure.ts'
import { clearable, metadata, oneOf, text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { PaymentMethod } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

export const address = z.strictObject({
  city: clearable.optional(),
  country: clearable.optional(),
  line1: clearable.optional(),
  line2: clearable.optional(),
  postal_code: clearable.optional(),
  state: clearable.optional(),
})

export type AddressGiven = z.output<typeof address>

export const addressOf = (given: AddressGiven | undefined) =>
  given
    ? {
        city: given.city ?? null,
        country: given.country ?? null,
        line1: given.line1 ?? null,
        line2: given.line2 ?? null,
        postal_code: given.postal_code ?? null,
        state: given.state ?? null,
      }
    : null

const billingDetails = z.strictObject({
  address: address.optional(),
  email: clearable.optional(),
  name: clearable.optional(),
  phone: clearable.optional(),
})

/** What makes a payment method of a card. */
export const paymentMethodData = z.strictObject({
  type: oneOf('card'),
  card: z.strictObject({
    number: text.optional(),
    exp_month: whole.optional(),
    exp_year: whole.optional(),
    cvc: text.optional(),
    token: text.optional(),
  }),
  billing_details: billingDetails.optional(),
  metadata: metadata.optional(),
  allow_redisplay: oneOf('always', 'limited', 'unspecified').optional(),
})

export type PaymentMethodData = z.output<typeof paymentMethodData>

/** Makes a payment method of a test card. Fails when the number is no test card's. */
export function makePaymentMethod(world: StripeWorld, given: PaymentMethodData): PaymentMethod {
  const { card, billing_details: billing = {} } = given
  const number = (card.number ?? cardNumberOf(card.token ?? '') ?? '').replace(/[\s-]/g, '')
  const behaviour = behaviourOf(number)
  if (!behaviour) throw unknownCard(card.token)
  const now = new Date(world.seconds() * 1000)
  const method: PaymentMethod = {
    id: world.id('pm'),
    object: 'payment_method',
    allow_redisplay: given.allow_redisplay ?? 'unspecified',
    billing_details: {
      address: addressOf(billing.address) ?? addressOf({})!,
      email: billing.email ?? null,
      name: billing.name ?? null,
      phone: billing.phone ?? null,
      tax_id: null,
    },
    card: {
      ...describeCard(number, behaviour),
      display_brand: behaviour.brand,
      exp_month: card.exp_month ?? 12,
      exp_year: card.exp_year ?? now.getUTCFullYear() + 5,
      generated_from: null,
      networks: { available: [behaviour.brand], preferred: null },
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: world.seconds(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: patchMetadata({}, given.metadata),
    type: 'card',
  }
  world.secrets.put({ id: method.id, number, setUp: false })
  return world.payment_methods.put(method)
}

/** What a card shows of itself, on payment methods and charges alike. */
export const describeCard = (
  number: string,
  { brand, country = 'US', funding = 'credit' }: CardBehaviour,
) => ({
  brand,
  checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
  country,
  fingerprint: createHash('sha256')
    .update(`card ${number}`)
    .digest('base64url')
    .replace(/[-_]/g, 'x')
    .slice(0, 16),
  funding,
  last4: number.slice(-4),
  regulated_status: 'unregulated' as const,
})

const unknownCard = (token: string | undefined) =>
  token
    ? invalid(`No such token: '${token}'`, { code: 'resource_missing', param: 'payment_method' })
    : new StripeFailure(402, {
        code: 'incorrect_number',
        message:
          'Your card number is incorrect. The simulator knows the numbers of https://stripe.com/docs/testing.',
        param: 'number',
        type: 'card_error',
      })

/** The payment method of an id, or a new one of a name like `pm_card_visa`. */
export function resolvePaymentMethod(
  world: StripeWorld,
  id: string,
  param = 'payment_method',
): PaymentMethod {
  if (cardNumberOf(id)) return makePaymentMethod(world, { type: 'card', card: { token: id } })
  return need(world.payment_methods, 'PaymentMethod', id, param)
}

/** What the card behind a payment method does. */
export function behaviourOfMethod(world: StripeWorld, method: PaymentMethod): CardBehaviour {
  const secret = world.secrets.get(method.id)
  return (secret && behaviourOf(secret.number)) ?? { brand: 'visa' }
}

/** Gives a customer a payment method. Fails like a charge where the bank would not let the card be kept. */
export function attachPaymentMethod(
  world: StripeWorld,
  method: PaymentMethod,
  customer: string,
): PaymentMethod {
  need(world.customers, 'customer', customer, 'customer')
  if (method.customer === customer) return method
  if (method.customer)
    throw invalid('The payment method you provided has already been attached to a customer.')
  const { decline, attaches } = behaviourOfMethod(world, method)
  if (decline && !attaches)
    throw new StripeFailure(402, {
      code: decline.code,
      ...(decline.code === 'card_declined' ? { decline_code: decline.reason } : {}),
      message: decline.message,
      type: 'card_error',
    })
  method.customer = customer
  world.emit('payment_method.attached', method)
  return method
}

export function paymentMethodRoutes(world: StripeWorld): Route[] {
  const { payment_methods: methods } = world
  const find = (id: string | undefined) => need(methods, 'PaymentMethod', id!)
  const ofCustomer = (customer: string, type?: string) =>
    methods.all().filter((method) => method.customer === customer && (!type || method.type === type))
  return [
    route('POST', '/v1/payment_methods', paymentMethodData.shape, (given) => makePaymentMethod(world, given)),
    listRoute('/v1/payment_methods', { customer: text, type: text.optional() }, ({ customer, type }) =>
      ofCustomer(customer, type),
    ),
    listRoute('/v1/customers/:id/payment_methods', { type: text.optional() }, ({ type }, { id }) => {
      need(world.customers, 'customer', id!)
      return ofCustomer(id!, type)
    }),
    route('GET', '/v1/payment_methods/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/payment_methods/:id',
      { billing_details: billingDetails.optional(), metadata: metadata.optional() },
      ({ billing_details: billing, metadata: patch }, { id }) => {
        const method = find(id)
        const { address: place, ...rest } = billing ?? {}
        const merged = {
          ...method.billing_details,
          ...rest,
          ...(place ? { address: addressOf(place) } : {}),
        } as PaymentMethod['billing_details']
        const changes = { billing_details: merged, metadata: patchMetadata(method, patch) }
        world.emit('payment_method.updated', method, change(method, changes))
        return method
      },
    ),
    route('POST', '/v1/payment_methods/:id/attach', { customer: text }, ({ customer }, { id }) =>
      attachPaymentMethod(world, resolvePaymentMethod(world, id!), customer),
    ),
    route('POST', '/v1/payment_methods/:id/detach', {}, (_, { id }) => {
      const method = find(id)
      if (!method.customer)
        throw invalid(
          'The payment method you provided is not attached to a customer so detachment is impossible.',
        )
      world.emit('payment_method.detached', method, change(method, { customer: null }))
      return method
    }),
  ]
}
