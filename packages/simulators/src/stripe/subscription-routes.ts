import { z } from 'zod'
import { periodEndAfter } from '../core/billing-periods.ts'
import { amountOf, makePrice, priceData } from './catalog.ts'
import { discountGiven, redeem } from './discounts.ts'
import { invalid } from './failure.ts'
import { finalizeInvoice, makeInvoice, pendingItems, tryInvoice } from './invoices.ts'
import { clearable, flag, list, metadata, oneOf, text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import {
  addPending,
  cycleLine,
  endSubscription,
  makeItem,
  makeSubscription,
  periodOf,
  planNext,
  prorationLines,
  type Wanted,
} from './subscriptions.ts'
import type { Price, Subscription, SubscriptionItem } from './types.ts'
import { change, need, patchMetadata, type StripeWorld } from './world.ts'

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
const cancellation = z.strictObject({
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

const common = {
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

const priceOf = (world: StripeWorld, given: ItemGiven): Price => {
  if (given.price_data) return makePrice(world, given.price_data)
  if (!given.price)
    throw invalid('Missing required param: items[0][price].', {
      code: 'parameter_missing',
      param: 'items[0][price]',
    })
  return need(world.prices, 'price', given.price, 'items[0][price]')
}

const wantedOf = (world: StripeWorld, given: ItemGiven): Wanted => ({
  price: priceOf(world, given),
  quantity: given.quantity ?? 1,
  metadata: patchMetadata({}, given.metadata),
})

const fieldsOf = (
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
const trialEnd = z.union([z.literal('now'), whole])

export function subscriptionRoutes(world: StripeWorld): Route[] {
  const { subscriptions } = world
  const find = (id: string | undefined) => need(subscriptions, 'subscription', id!)
  return [
    route(
      'POST',
      '/v1/subscriptions',
      {
        ...common,
        customer: text,
        items: itemsGiven,
        trial_period_days: whole.optional(),
        trial_end: trialEnd.optional(),
        billing_cycle_anchor: whole.optional(),
        currency: text.optional(),
      },
      (given) => {
        const customer = need(world.customers, 'customer', given.customer, 'customer')
        return world.inTimeOf(customer.id, () => {
          const days = given.trial_period_days
          const subscription = makeSubscription(world, {
            customer,
            items: given.items.map((item) => wantedOf(world, item)),
            trialEnd: days
              ? world.seconds() + days * 86_400
              : given.trial_end === 'now'
                ? undefined
                : given.trial_end,
            anchor: given.billing_cycle_anchor,
            collection: given.collection_method,
            daysUntilDue: given.days_until_due,
            behavior: given.payment_behavior,
            discounts: given.discounts,
            onSession: given.off_session !== true,
            fields: fieldsOf(world, given, {}),
          })
          if (given.cancel_at_period_end || given.cancel_at)
            setCancellation(world, subscription, {
              cancel_at: given.cancel_at,
              cancel_at_period_end: given.cancel_at_period_end,
            })
          return subscription
        })
      },
    ),
    listRoute(
      '/v1/subscriptions',
      {
        customer: text.optional(),
        price: text.optional(),
        status: text.optional(),
        collection_method: text.optional(),
        test_clock: text.optional(),
      },
      ({ customer, price, status }) =>
        subscriptions
          .all()
          .filter((each) => !customer || each.customer === customer)
          .filter((each) => !price || each.items.data.some((item) => item.price.id === price))
          .filter((each) =>
            status ? status === 'all' || each.status === status : each.status !== 'canceled',
          ),
    ),
    route('GET', '/v1/subscriptions/:id', {}, (_, { id }) => find(id)),
    route(
      'POST',
      '/v1/subscriptions/:id',
      {
        ...common,
        items: itemsGiven.optional(),
        billing_cycle_anchor: oneOf('now', 'unchanged').optional(),
        cancellation_details: cancellation.optional(),
        proration_date: whole.optional(),
        trial_end: trialEnd.optional(),
      },
      (given, { id }) => {
        const subscription = find(id)
        return world.inTimeOf(subscription.customer, () => updateSubscription(world, subscription, given))
      },
    ),
    route(
      'DELETE',
      '/v1/subscriptions/:id',
      {
        invoice_now: flag.optional(),
        prorate: flag.optional(),
        cancellation_details: cancellation.optional(),
      },
      (given, { id }) => {
        const subscription = find(id)
        if (subscription.status === 'canceled')
          throw invalid(`No such subscription: '${id}'`, { code: 'resource_missing', param: 'id' })
        return world.inTimeOf(subscription.customer, () => cancelNow(world, subscription, given))
      },
    ),
    route(
      'POST',
      '/v1/subscriptions/:id/resume',
      { billing_cycle_anchor: oneOf('now', 'unchanged').optional() },
      (_, { id }) => {
        const subscription = find(id)
        if (subscription.status !== 'paused') throw invalid('Only a paused subscription can be resumed.')
        return world.inTimeOf(subscription.customer, () => {
          startPeriod(world, subscription, world.seconds())
          billNow(world, subscription, true)
          world.emit(
            'customer.subscription.resumed',
            subscription,
            change(subscription, { status: 'active' }),
          )
          planNext(world, subscription)
          return subscription
        })
      },
    ),
    listRoute(
      '/v1/subscription_items',
      { subscription: text },
      ({ subscription }) => find(subscription).items.data,
    ),
  ]
}

interface Update extends z.output<z.ZodObject<typeof common>> {
  items?: ItemGiven[] | undefined
  billing_cycle_anchor?: 'now' | 'unchanged' | undefined
  cancellation_details?: z.output<typeof cancellation> | undefined
  proration_date?: number | undefined
  trial_end?: 'now' | number | undefined
}

function updateSubscription(world: StripeWorld, subscription: Subscription, given: Update): Subscription {
  if (['canceled', 'incomplete_expired'].includes(subscription.status))
    throw invalid('A canceled subscription can only update its cancellation_details and metadata.')
  const before = structuredClone(subscription)
  if (given.items) applyItems(world, subscription, given.items)
  change(subscription, fieldsOf(world, given, subscription))
  if (given.discounts)
    subscription.discounts = given.discounts.map(
      (discount) =>
        redeem(world, discount, { customer: subscription.customer, subscription: subscription.id }).id,
    )
  setCancellation(world, subscription, given)
  if (given.trial_end !== undefined) moveTrial(world, subscription, given.trial_end)
  const invoiced = billChange(world, subscription, before, given)
  const previous = differences(before, subscription)
  if (Object.keys(previous).length > 0) world.emit('customer.subscription.updated', subscription, previous)
  planNext(world, subscription)
  if (invoiced) payNow(world, subscription, invoiced)
  return subscription
}

/** Items with an id are changed, others are added. */
export function applyItems(
  world: StripeWorld,
  subscription: Subscription,
  items: readonly ItemGiven[],
): void {
  const period = periodOf(subscription)
  for (const given of items) {
    const present = subscription.items.data.find(({ id }) => id === given.id)
    if (given.id && !present)
      throw invalid(`No such subscription item: '${given.id}'`, {
        code: 'resource_missing',
        param: 'items[0][id]',
      })
    if (present && given.deleted) {
      subscription.items.data = subscription.items.data.filter((item) => item !== present)
      continue
    }
    const price = present && !given.price && !given.price_data ? present.price : priceOf(world, given)
    const made = makeItem(
      world,
      subscription.id,
      { price, quantity: given.quantity ?? present?.quantity ?? 1 },
      period,
    )
    if (present)
      Object.assign(present, {
        price: made.price,
        plan: made.plan,
        quantity: made.quantity,
        metadata: patchMetadata(present, given.metadata),
      })
    else subscription.items.data.push(made)
  }
  if (subscription.items.data.length === 0)
    throw invalid('A subscription must have at least one active plan.')
}

export function setCancellation(
  world: StripeWorld,
  subscription: Subscription,
  given: Pick<Update, 'cancel_at' | 'cancel_at_period_end' | 'cancellation_details'>,
): void {
  const { cancel_at_period_end: atEnd, cancel_at: at, cancellation_details: details } = given
  if (details)
    subscription.cancellation_details = {
      ...subscription.cancellation_details!,
      comment: details.comment ?? null,
      feedback: details.feedback ?? null,
    }
  if (atEnd === undefined && at === undefined) return
  const cancels = atEnd || (at !== undefined && at !== null)
  change(subscription, {
    cancel_at_period_end: atEnd ?? false,
    cancel_at: atEnd ? periodOf(subscription).end : (at ?? null),
    canceled_at: cancels ? world.seconds() : null,
    cancellation_details: {
      ...subscription.cancellation_details!,
      reason: cancels ? 'cancellation_requested' : null,
    },
  })
  planNext(world, subscription)
}

function moveTrial(world: StripeWorld, subscription: Subscription, to: 'now' | number): void {
  const now = world.seconds()
  if (to === 'now' || to <= now) {
    change(subscription, { trial_end: now, status: 'active' })
    startPeriod(world, subscription, now)
    return
  }
  change(subscription, {
    trial_start: subscription.trial_start ?? now,
    trial_end: to,
    status: 'trialing',
    billing_cycle_anchor: to,
  })
  for (const item of subscription.items.data) item.current_period_end = to
}

function startPeriod(_world: StripeWorld, subscription: Subscription, at: number): void {
  const end = periodEndAfter(at, at, subscription.items.data[0]!.price.recurring!)
  subscription.billing_cycle_anchor = at
  for (const item of subscription.items.data)
    Object.assign(item, { current_period_start: at, current_period_end: end })
}

const costOf = (items: readonly SubscriptionItem[]) =>
  items.reduce((sum, item) => sum + amountOf(item.price, item.quantity ?? 1), 0)

const cadenceOf = ({ items }: Subscription) => {
  const { interval, interval_count: every } = items.data[0]!.price.recurring!
  return `${every} ${interval}`
}

/** Bills what a change costs: now, or with the next invoice. Gives the invoice that is to be paid now. */
function billChange(
  world: StripeWorld,
  subscription: Subscription,
  before: Subscription,
  given: Update,
): string | undefined {
  const trialEnded = before.status === 'trialing' && subscription.status === 'active'
  const trialing = subscription.status === 'trialing'
  const behavior = given.proration_behavior ?? 'create_prorations'
  const restarts =
    given.billing_cycle_anchor === 'now' ||
    cadenceOf(before) !== cadenceOf(subscription) ||
    (costOf(before.items.data) === 0 && costOf(subscription.items.data) > 0)
  const at = given.proration_date ?? world.seconds()
  if (trialing) return undefined
  if (trialEnded) return billNow(world, subscription, true)
  if (restarts) {
    if (behavior !== 'none') addPending(world, subscription, prorationLines(world, before.items.data, [], at))
    startPeriod(world, subscription, world.seconds())
    return billNow(world, subscription, true)
  }
  if (!given.items || behavior === 'none') return undefined
  addPending(world, subscription, prorationLines(world, before.items.data, subscription.items.data, at))
  return behavior === 'always_invoice' ? billNow(world, subscription, false) : undefined
}

/** Makes the invoice of a change, with a whole period where one begins. */
function billNow(world: StripeWorld, subscription: Subscription, wholePeriod: boolean): string | undefined {
  const customer = need(world.customers, 'customer', subscription.customer)
  const pending = pendingItems(world, customer.id, subscription.id)
  const lines = wholePeriod
    ? subscription.items.data.map((item) => cycleLine(world, item, periodOf(subscription)))
    : []
  if (pending.length + lines.length === 0) return undefined
  const collection = subscription.collection_method as 'charge_automatically'
  const invoice = makeInvoice(
    world,
    {
      customer,
      currency: subscription.currency,
      reason: 'subscription_update',
      lines,
      subscription,
      collection,
    },
    pending,
  )
  finalizeInvoice(world, invoice)
  return invoice.id
}

function payNow(world: StripeWorld, subscription: Subscription, id: string): void {
  const invoice = world.invoices.get(id)
  if (invoice?.status === 'open' && subscription.collection_method === 'charge_automatically')
    tryInvoice(world, invoice, { offSession: true })
}

function differences(before: Subscription, after: Subscription): Partial<Subscription> {
  const names = Object.keys(after) as (keyof Subscription)[]
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  return Object.fromEntries(changed.map((name) => [name, before[name]]))
}

function cancelNow(
  world: StripeWorld,
  subscription: Subscription,
  given: {
    invoice_now?: boolean | undefined
    prorate?: boolean | undefined
    cancellation_details?: z.output<typeof cancellation> | undefined
  },
): Subscription {
  const { comment, feedback } = given.cancellation_details ?? {}
  subscription.cancellation_details = {
    ...subscription.cancellation_details!,
    comment: comment ?? null,
    feedback: feedback ?? null,
  }
  if (given.prorate && subscription.status !== 'trialing')
    addPending(world, subscription, prorationLines(world, subscription.items.data, [], world.seconds()))
  if (given.invoice_now) {
    const invoice = billNow(world, subscription, false)
    if (invoice) payNow(world, subscription, invoice)
  }
  endSubscription(world, subscription, 'cancellation_requested')
  return subscription
}
