import { z } from 'zod'
import { makePrice, priceData } from './catalog.ts'
import { discountGiven } from './discounts.ts'
import { invalid } from './failure.ts'
import { clearable, flag, list, metadata, oneOf, text, whole } from './params.ts'
import type { Wanted } from './subscription-objects.ts'
import type { Price, Subscription } from './types.ts'
import { need, patchMetadata, type StripeWorld } from './world.ts'

const itemGiven = z.strictObject({
  id: text.optional(),
  price: text.optional(),
  price_data: priceData.optional(),
  quantity: whole.optional(),
  deleted: flag.optional(),
  metadata: metadata.optional(),
})

export type ItemGiven = z.output<typeof itemGiven>

export const itemsGiven = list(itemGiven)

const trialSettings = z.strictObject({
  end_behavior: z.strictObject({ missing_payment_method: oneOf('cancel', 'create_invoice', 'pause') }),
})

const paymentSettings = z.strictObject({
  save_default_payment_method: oneOf('off', 'on_subscription').optional(),
  payment_method_types: list(oneOf('card')).optional(),
})

const behaviors = oneOf(
  'allow_incomplete',
  'default_incomplete',
  'error_if_incomplete',
  'pending_if_incomplete',
)

const prorations = oneOf('always_invoice', 'create_prorations', 'none')

export const cancellation = z.strictObject({
  comment: clearable.optional(),
  feedback: oneOf(
    'customer_service',
    'low_quality',
    'missing_features',
    'other',
    'switched_service',
    'too_complex',
    'too_expensive',
    'unused',
  ).optional(),
})

export const common = {
  automatic_tax: z.strictObject({ enabled: oneOf('false') }).optional(),
  cancel_at: z.union([z.literal('').transform(() => null), whole]).optional(),
  cancel_at_period_end: flag.optional(),
  collection_method: oneOf('charge_automatically', 'send_invoice').optional(),
  days_until_due: whole.optional(),
  default_payment_method: clearable.optional(),
  description: clearable.optional(),
  discounts: z.union([z.literal('').transform(() => []), list(discountGiven)]).optional(),
  metadata: metadata.optional(),
  off_session: flag.optional(),
  payment_behavior: behaviors.optional(),
  payment_settings: paymentSettings.optional(),
  proration_behavior: prorations.optional(),
  trial_settings: trialSettings.optional(),
}

export const priceOf = (world: StripeWorld, given: ItemGiven): Price => {
  if (given.price_data) return makePrice(world, given.price_data)
  if (!given.price)
    throw invalid('Missing required param: items[0][price].', {
      code: 'parameter_missing',
      param: 'items[0][price]',
    })
  return need(world.prices, 'price', given.price, 'items[0][price]')
}

export const wantedOf = (world: StripeWorld, given: ItemGiven): Wanted => ({
  price: priceOf(world, given),
  quantity: given.quantity ?? 1,
  metadata: patchMetadata({}, given.metadata),
})

export const fieldsOf = (
  world: StripeWorld,
  given: z.output<z.ZodObject<typeof common>>,
  present: Partial<Subscription>,
): Partial<Subscription> => {
  if (given.default_payment_method)
    need(world.payment_methods, 'PaymentMethod', given.default_payment_method, 'default_payment_method')
  return {
    ...(given.default_payment_method === undefined
      ? {}
      : { default_payment_method: given.default_payment_method }),
    ...(given.description === undefined ? {} : { description: given.description }),
    ...(given.days_until_due === undefined ? {} : { days_until_due: given.days_until_due }),
    ...(given.collection_method === undefined ? {} : { collection_method: given.collection_method }),
    ...(given.trial_settings === undefined
      ? {}
      : {
          trial_settings: {
            end_behavior: { billing_cycle_anchor: null, ...given.trial_settings.end_behavior },
          },
        }),
    ...(given.payment_settings === undefined
      ? {}
      : {
          payment_settings: {
            payment_method_options: null,
            payment_method_types: given.payment_settings.payment_method_types ?? null,
            save_default_payment_method: given.payment_settings.save_default_payment_method ?? 'off',
          },
        }),
    metadata: patchMetadata({ metadata: present.metadata ?? {} }, given.metadata),
  }
}

/** `now`, an instant, or nothing. */
export const trialEnd = z.union([z.literal('now'), whole])
