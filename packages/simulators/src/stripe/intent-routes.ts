import { z } from 'zod'
import { invalid } from './failure.ts'
import { type Attempt, cancelIntent, captureIntent, confirmIntent, makeIntent } from './intents.ts'
import { amount, clearable, currency, flag, list, metadata, oneOf, text, whole } from './params.ts'
import {
  address,
  addressOf,
  makePaymentMethod,
  paymentMethodData,
  resolvePaymentMethod,
} from './payment-methods.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { PaymentIntent } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

const automatic = z.strictObject({ enabled: flag, allow_redirects: oneOf('always', 'never').optional() })

const shipping = z.strictObject({
  address,
  name: text,
  carrier: text.optional(),
  phone: text.optional(),
  tracking_number: text.optional(),
})

const changeable = {
  amount: amount.pipe(z.number().min(1)).optional(),
  currency: currency.optional(),
  customer: text.optional(),
  description: clearable.optional(),
  metadata: metadata.optional(),
  payment_method: text.optional(),
  payment_method_data: paymentMethodData.optional(),
  payment_method_types: list(oneOf('card')).optional(),
  receipt_email: clearable.optional(),
  setup_future_usage: oneOf('off_session', 'on_session').optional(),
  shipping: shipping.optional(),
  statement_descriptor: text.optional(),
  statement_descriptor_suffix: text.optional(),
  transfer_group: text.optional(),
}

const confirming = {
  error_on_requires_action: flag.optional(),
  off_session: flag.optional(),
  payment_method: text.optional(),
  payment_method_data: paymentMethodData.optional(),
  receipt_email: clearable.optional(),
  return_url: text.optional(),
  setup_future_usage: oneOf('off_session', 'on_session').optional(),
  use_stripe_sdk: flag.optional(),
}

type Changes = z.output<z.ZodObject<typeof changeable>>

export function intentRoutes(world: StripeWorld): Route[] {
  const { payment_intents: intents } = world
  const find = (id: string | undefined) => need(intents, 'payment_intent', id!)
  return [
    route(
      'POST',
      '/v1/payment_intents',
      {
        ...changeable,
        ...confirming,
        amount: changeable.amount.unwrap(),
        currency,
        automatic_payment_methods: automatic.optional(),
        capture_method: oneOf('automatic', 'automatic_async', 'manual').optional(),
        confirm: flag.optional(),
        confirmation_method: oneOf('automatic', 'manual').optional(),
      },
      ({ confirm, off_session, return_url, error_on_requires_action, use_stripe_sdk: _, ...given }) => {
        const {
          amount: size,
          currency: unit,
          capture_method,
          confirmation_method,
          automatic_payment_methods,
          ...rest
        } = given
        if (given.customer) need(world.customers, 'customer', given.customer, 'customer')
        const intent = makeIntent(world, {
          amount: size,
          currency: unit,
          ...(capture_method ? { capture_method } : {}),
          ...(confirmation_method ? { confirmation_method } : {}),
          ...(automatic_payment_methods
            ? {
                automatic_payment_methods: {
                  enabled: true,
                  allow_redirects: automatic_payment_methods.allow_redirects ?? 'always',
                },
              }
            : {}),
          ...fieldsOf(world, rest, { metadata: {} }),
        })
        if (!confirm) return intent
        const options = {
          offSession: off_session,
          returnUrl: return_url,
          errorOnAction: error_on_requires_action,
        }
        return finish(intent, confirmIntent(world, intent, options))
      },
    ),
    listRoute('/v1/payment_intents', { customer: text.optional() }, ({ customer }) =>
      intents.all().filter((intent) => !customer || intent.customer === customer),
    ),
    route('GET', '/v1/payment_intents/:id', { client_secret: text.optional() }, (_, { id }) => find(id)),
    route('POST', '/v1/payment_intents/:id', changeable, (given, { id }) => {
      const intent = find(id)
      if (given.amount !== undefined && intent.status === 'succeeded')
        throw invalid(
          'This PaymentIntent’s amount could not be updated because it has a status of succeeded.',
          {
            code: 'payment_intent_unexpected_state',
          },
        )
      const changes = fieldsOf(world, given, intent)
      change(intent, {
        ...changes,
        ...(changes.payment_method && intent.status === 'requires_payment_method'
          ? { status: 'requires_confirmation' }
          : {}),
      })
      return intent
    }),
    route('POST', '/v1/payment_intents/:id/confirm', confirming, (given, { id }) => {
      const intent = find(id)
      const { off_session, return_url, error_on_requires_action, use_stripe_sdk: _, ...rest } = given
      change(intent, fieldsOf(world, rest, intent))
      const options = {
        offSession: off_session,
        returnUrl: return_url,
        errorOnAction: error_on_requires_action,
      }
      return finish(intent, confirmIntent(world, intent, options))
    }),
    route(
      'POST',
      '/v1/payment_intents/:id/capture',
      { amount_to_capture: whole.optional(), metadata: metadata.optional() },
      ({ amount_to_capture: size, metadata: patch }, { id }) => {
        const intent = find(id)
        intent.metadata = patchMetadata(intent, patch)
        return captureIntent(world, intent, size)
      },
    ),
    route(
      'POST',
      '/v1/payment_intents/:id/cancel',
      {
        cancellation_reason: oneOf(
          'abandoned',
          'duplicate',
          'fraudulent',
          'requested_by_customer',
        ).optional(),
      },
      ({ cancellation_reason: reason }, { id }) => cancelIntent(world, find(id), reason ?? null),
    ),
  ]
}

function finish(intent: PaymentIntent, attempt: Attempt): PaymentIntent {
  if (attempt.ended === 'refused') throw attempt.failure
  return intent
}

/** The fields of an intent that parameters give. */
function fieldsOf(
  world: StripeWorld,
  { payment_method, payment_method_data, shipping: place, metadata: patch, ...plain }: Changes,
  present: Pick<PaymentIntent, 'metadata'>,
): Partial<PaymentIntent> {
  if (plain.customer) need(world.customers, 'customer', plain.customer, 'customer')
  const method = payment_method_data
    ? makePaymentMethod(world, payment_method_data)
    : payment_method
      ? resolvePaymentMethod(world, payment_method)
      : undefined
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined))
  return {
    ...given,
    ...(method ? { payment_method: method.id } : {}),
    ...(place
      ? {
          shipping: { ...place, address: addressOf(place.address)! } as NonNullable<
            PaymentIntent['shipping']
          >,
        }
      : {}),
    metadata: patchMetadata(present, patch),
  }
}
