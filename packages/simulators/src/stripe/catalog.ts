import { z } from 'zod'
import { invalid } from './failure.ts'
import { amount, clearable, currency, decimal, flag, list, metadata, oneOf, text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import type { Coupon, Price, Product, PromotionCode } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

const productFields = {
  name: text,
  active: flag.optional(),
  description: clearable.optional(),
  images: list(text).optional(),
  metadata: metadata.optional(),
  shippable: flag.optional(),
  statement_descriptor: clearable.optional(),
  tax_code: text.optional(),
  unit_label: clearable.optional(),
  url: clearable.optional(),
}

const recurring = z.strictObject({
  interval: oneOf('day', 'week', 'month', 'year'),
  interval_count: whole.pipe(z.number().min(1)).default(1),
  usage_type: oneOf('licensed').default('licensed'),
  trial_period_days: whole.optional(),
})

/** A price that is made for one line only, as checkout and subscriptions take it. */
export const priceData = z.strictObject({
  currency,
  product: text.optional(),
  product_data: z
    .strictObject({
      name: text,
      description: text.optional(),
      images: list(text).optional(),
      metadata: metadata.optional(),
      tax_code: text.optional(),
    })
    .optional(),
  recurring: recurring.optional(),
  tax_behavior: oneOf('exclusive', 'inclusive', 'unspecified').optional(),
  unit_amount: amount.optional(),
  unit_amount_decimal: decimal.optional(),
})

function makeProduct(
  world: StripeWorld,
  given: z.output<z.ZodObject<typeof productFields>>,
  id?: string,
): Product {
  if (id && world.products.get(id))
    throw invalid(`Product already exists.`, { code: 'resource_already_exists', param: 'id' })
  const now = world.seconds()
  const product = world.products.put({
    id: id ?? world.id('prod'),
    object: 'product',
    active: given.active ?? true,
    created: now,
    default_price: null,
    description: given.description ?? null,
    images: given.images ?? [],
    livemode: false,
    marketing_features: [],
    metadata: patchMetadata({}, given.metadata),
    name: given.name,
    package_dimensions: null,
    shippable: given.shippable ?? null,
    statement_descriptor: given.statement_descriptor ?? null,
    tax_code: given.tax_code ?? null,
    tax_details: null,
    type: 'service',
    unit_label: given.unit_label ?? null,
    updated: now,
    url: given.url ?? null,
  })
  world.emit('product.created', product)
  return product
}

interface NewPrice extends z.output<typeof priceData> {
  readonly active?: boolean | undefined
  readonly lookup_key?: string | undefined
  readonly transfer_lookup_key?: boolean | undefined
  readonly nickname?: string | undefined
  readonly metadata?: Record<string, string> | null | undefined
}

export function makePrice(world: StripeWorld, given: NewPrice): Price {
  if (!given.product && !given.product_data)
    throw invalid('Missing required param: product.', { code: 'parameter_missing', param: 'product' })
  if (given.unit_amount === undefined && given.unit_amount_decimal === undefined)
    throw invalid('Missing required param: unit_amount.', { code: 'parameter_missing', param: 'unit_amount' })
  const product = given.product
    ? need(world.products, 'product', given.product, 'product')
    : makeProduct(world, given.product_data!)
  if (given.lookup_key) takeLookupKey(world, given.lookup_key, given.transfer_lookup_key ?? false)
  const exact = given.unit_amount_decimal ?? given.unit_amount!
  const price = world.prices.put({
    id: world.id('price'),
    object: 'price',
    active: given.active ?? true,
    billing_scheme: 'per_unit',
    created: world.seconds(),
    currency: given.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: given.lookup_key ?? null,
    metadata: patchMetadata({}, given.metadata),
    nickname: given.nickname ?? null,
    product: product.id,
    recurring: given.recurring
      ? {
          interval: given.recurring.interval,
          interval_count: given.recurring.interval_count,
          meter: null,
          trial_period_days: given.recurring.trial_period_days ?? null,
          usage_type: given.recurring.usage_type,
        }
      : null,
    tax_behavior: given.tax_behavior ?? 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: given.recurring ? 'recurring' : 'one_time',
    unit_amount: Number.isInteger(exact) ? exact : null,
    unit_amount_decimal: String(exact),
  })
  world.emit('price.created', price)
  return price
}

/** A lookup key stands for one active price. */
function takeLookupKey(world: StripeWorld, key: string, transfer: boolean): void {
  const holder = world.prices.all().find((price) => price.lookup_key === key)
  if (!holder) return
  if (!transfer)
    throw invalid(`A price (\`${holder.id}\`) already uses that lookup key.`, { param: 'lookup_key' })
  world.emit('price.updated', holder, change(holder, { lookup_key: null }))
}

/** Minor units of `quantity` of a price, rounded half away from zero. */
export const amountOf = (price: Price, quantity: number): number =>
  Math.round(Number(price.unit_amount_decimal ?? 0) * quantity)

export function catalogRoutes(world: StripeWorld): Route[] {
  const { products, prices } = world
  return [
    route(
      'POST',
      '/v1/products',
      { ...productFields, id: text.optional(), default_price_data: priceData.optional() },
      ({ id, default_price_data, ...given }) => {
        const product = makeProduct(world, given, id)
        if (default_price_data)
          product.default_price = makePrice(world, { ...default_price_data, product: product.id }).id
        return product
      },
    ),
    listRoute('/v1/products', { active: flag.optional(), ids: list(text).optional() }, ({ active, ids }) =>
      products
        .all()
        .filter((product) => active === undefined || product.active === active)
        .filter((product) => !ids || ids.includes(product.id)),
    ),
    route('GET', '/v1/products/:id', {}, (_, { id }) => need(products, 'product', id!)),
    route(
      'POST',
      '/v1/products/:id',
      { ...productFields, name: text.optional(), default_price: text.optional() },
      ({ metadata: patch, ...given }, { id }) => {
        const product = need(products, 'product', id!)
        const previous = change(product, {
          ...given,
          metadata: patchMetadata(product, patch),
          updated: world.seconds(),
        } as Partial<Product>)
        world.emit('product.updated', product, previous)
        return product
      },
    ),
    route('DELETE', '/v1/products/:id', {}, (_, { id }) => {
      const product = need(products, 'product', id!)
      if (prices.all().some((price) => price.product === id))
        throw invalid('This product cannot be deleted because it has one or more user-created prices.')
      products.delete(id!)
      world.emit('product.deleted', product)
      return { id, object: 'product', deleted: true }
    }),
    route(
      'POST',
      '/v1/prices',
      {
        ...priceData.shape,
        active: flag.optional(),
        lookup_key: text.optional(),
        transfer_lookup_key: flag.optional(),
        nickname: text.optional(),
        metadata: metadata.optional(),
        billing_scheme: oneOf('per_unit').optional(),
      },
      (given) => makePrice(world, given),
    ),
    listRoute(
      '/v1/prices',
      {
        active: flag.optional(),
        product: text.optional(),
        currency: currency.optional(),
        lookup_keys: list(text).optional(),
        type: oneOf('one_time', 'recurring').optional(),
      },
      (wanted) =>
        prices
          .all()
          .filter(
            (price) =>
              (wanted.active === undefined || price.active === wanted.active) &&
              (!wanted.product || price.product === wanted.product) &&
              (!wanted.currency || price.currency === wanted.currency) &&
              (!wanted.lookup_keys || wanted.lookup_keys.includes(price.lookup_key ?? '')) &&
              (!wanted.type || price.type === wanted.type),
          ),
    ),
    route('GET', '/v1/prices/:id', {}, (_, { id }) => need(prices, 'price', id!)),
    route(
      'POST',
      '/v1/prices/:id',
      {
        active: flag.optional(),
        lookup_key: clearable.optional(),
        transfer_lookup_key: flag.optional(),
        metadata: metadata.optional(),
        nickname: clearable.optional(),
        tax_behavior: oneOf('exclusive', 'inclusive', 'unspecified').optional(),
      },
      ({ metadata: patch, transfer_lookup_key, ...given }, { id }) => {
        const price = need(prices, 'price', id!)
        if (given.lookup_key && given.lookup_key !== price.lookup_key)
          takeLookupKey(world, given.lookup_key, transfer_lookup_key ?? false)
        world.emit(
          'price.updated',
          price,
          change(price, { ...given, metadata: patchMetadata(price, patch) } as Partial<Price>),
        )
        return price
      },
    ),
    ...couponRoutes(world),
  ]
}

function couponRoutes(world: StripeWorld): Route[] {
  const { coupons, promotion_codes: codes } = world
  return [
    route(
      'POST',
      '/v1/coupons',
      {
        id: text.optional(),
        amount_off: amount.optional(),
        percent_off: decimal.pipe(z.number().gt(0).max(100)).optional(),
        currency: currency.optional(),
        duration: oneOf('forever', 'once', 'repeating').default('once'),
        duration_in_months: whole.optional(),
        max_redemptions: whole.optional(),
        metadata: metadata.optional(),
        name: text.optional(),
        redeem_by: whole.optional(),
      },
      (given) => makeCoupon(world, given),
    ),
    listRoute('/v1/coupons', {}, () => coupons.all()),
    route('GET', '/v1/coupons/:id', {}, (_, { id }) => need(coupons, 'coupon', id!)),
    route('DELETE', '/v1/coupons/:id', {}, (_, { id }) => {
      const coupon = need(coupons, 'coupon', id!)
      coupons.delete(id!)
      world.emit('coupon.deleted', coupon)
      return { id, object: 'coupon', deleted: true }
    }),
    route(
      'POST',
      '/v1/promotion_codes',
      {
        promotion: z.strictObject({ type: oneOf('coupon'), coupon: text }),
        code: text.optional(),
        active: flag.optional(),
        customer: text.optional(),
        expires_at: whole.optional(),
        max_redemptions: whole.optional(),
        metadata: metadata.optional(),
      },
      (given): PromotionCode => {
        need(coupons, 'coupon', given.promotion.coupon, 'promotion[coupon]')
        const code = codes.put({
          id: world.id('promo'),
          object: 'promotion_code',
          active: given.active ?? true,
          code: given.code ?? world.simulation.seeded.text(8).toUpperCase(),
          created: world.seconds(),
          customer: given.customer ?? null,
          customer_account: null,
          expires_at: given.expires_at ?? null,
          livemode: false,
          max_redemptions: given.max_redemptions ?? null,
          metadata: patchMetadata({}, given.metadata),
          promotion: { coupon: given.promotion.coupon, type: 'coupon' },
          restrictions: {
            first_time_transaction: false,
            minimum_amount: null,
            minimum_amount_currency: null,
          },
          times_redeemed: 0,
        })
        world.emit('promotion_code.created', code)
        return code
      },
    ),
    listRoute('/v1/promotion_codes', { code: text.optional(), active: flag.optional() }, ({ code, active }) =>
      codes
        .all()
        .filter((each) => (!code || each.code === code) && (active === undefined || each.active === active)),
    ),
    route('GET', '/v1/promotion_codes/:id', {}, (_, { id }) => need(codes, 'promotion code', id!)),
    route(
      'POST',
      '/v1/promotion_codes/:id',
      { active: flag.optional(), metadata: metadata.optional() },
      (given, { id }) => {
        const code = need(codes, 'promotion code', id!)
        const changes = {
          metadata: patchMetadata(code, given.metadata),
          ...(given.active === undefined ? {} : { active: given.active }),
        }
        world.emit('promotion_code.updated', code, change(code, changes))
        return code
      },
    ),
  ]
}

interface NewCoupon {
  id?: string | undefined
  amount_off?: number | undefined
  percent_off?: number | undefined
  currency?: string | undefined
  duration: 'forever' | 'once' | 'repeating'
  duration_in_months?: number | undefined
  max_redemptions?: number | undefined
  metadata?: Record<string, string> | null | undefined
  name?: string | undefined
  redeem_by?: number | undefined
}

function makeCoupon(world: StripeWorld, given: NewCoupon): Coupon {
  if ((given.amount_off === undefined) === (given.percent_off === undefined))
    throw invalid('You must specify either amount_off or percent_off, and not both.')
  if (given.amount_off !== undefined && !given.currency)
    throw invalid('You must pass currency when passing amount_off.', { param: 'currency' })
  if (given.id && world.coupons.get(given.id))
    throw invalid('Coupon already exists.', { code: 'resource_already_exists' })
  const coupon = world.coupons.put({
    id: given.id ?? world.simulation.seeded.text(8),
    object: 'coupon',
    amount_off: given.amount_off ?? null,
    created: world.seconds(),
    currency: given.amount_off === undefined ? null : given.currency!,
    duration: given.duration,
    duration_in_months: given.duration === 'repeating' ? (given.duration_in_months ?? 1) : null,
    livemode: false,
    max_redemptions: given.max_redemptions ?? null,
    metadata: patchMetadata({}, given.metadata),
    name: given.name ?? null,
    percent_off: given.percent_off ?? null,
    redeem_by: given.redeem_by ?? null,
    times_redeemed: 0,
    valid: true,
  })
  world.emit('coupon.created', coupon)
  return coupon
}
