import { periodEndAfter } from '../core/billing-periods.ts'
import { amountOf } from './catalog.ts'
import { invalid } from './failure.ts'
import type { LineDraft } from './invoice-draft.ts'
import type { Customer, Price, Subscription, SubscriptionItem } from './types.ts'
import type { StripeWorld } from './world.ts'

/** One thing that is subscribed to. */
export interface Wanted {
  readonly price: Price
  readonly quantity: number
  readonly metadata?: Record<string, string>
}

export interface NewSubscription {
  readonly customer: Customer
  readonly items: readonly Wanted[]
  readonly trialEnd?: number | undefined
  readonly anchor?: number | undefined
  readonly collection?: 'charge_automatically' | 'send_invoice' | undefined
  readonly daysUntilDue?: number | undefined
  readonly behavior?:
    | 'allow_incomplete'
    | 'default_incomplete'
    | 'error_if_incomplete'
    | 'pending_if_incomplete'
    | undefined
  readonly discounts?:
    | readonly { coupon?: string | undefined; promotion_code?: string | undefined }[]
    | undefined
  /** The customer is there: a bank’s question can be answered. */
  readonly onSession?: boolean
  /** The customer has answered it. */
  readonly authenticated?: boolean
  readonly fields?: Partial<Subscription>
}

export function checkItems(items: readonly Wanted[]): void {
  const [first] = items
  if (!first) throw invalid('Missing required param: items.', { code: 'parameter_missing', param: 'items' })
  for (const { price } of items) {
    if (!price.recurring)
      throw invalid(
        'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
        { param: 'items[0][price]' },
      )
    if (price.currency !== first.price.currency)
      throw invalid('All prices on a subscription must have the same currency.', { param: 'items' })
    if (!price.active)
      throw invalid(`The price specified is inactive. This field only accepts active prices.`, {
        param: 'items[0][price]',
      })
    if (cadenceOf(price) !== cadenceOf(first.price))
      throw invalid('The simulator bills all items of a subscription at the same interval.', {
        param: 'items',
      })
  }
}

const cadenceOf = ({ recurring }: Price) => `${recurring?.interval} ${recurring?.interval_count}`

export function blankSubscription(
  id: string,
  given: NewSubscription,
  { now, anchor }: { now: number; anchor: number },
): Subscription {
  const { customer } = given
  return {
    id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: anchor,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: given.collection ?? 'charge_automatically',
    created: now,
    currency: given.items[0]!.price.currency,
    customer: customer.id,
    customer_account: null,
    days_until_due: given.collection === 'send_invoice' ? (given.daysUntilDue ?? 30) : null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: { object: 'list', data: [], has_more: false, url: `/v1/subscription_items?subscription=${id}` },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: now,
    status: 'incomplete',
    test_clock: customer.test_clock ?? null,
    transfer_data: null,
    trial_end: null,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: 'create_invoice' },
    },
    trial_start: null,
    ...given.fields,
  } as Subscription
}

export function makeItem(
  world: StripeWorld,
  subscription: string,
  wanted: Wanted,
  period: { readonly start: number; readonly end: number },
): SubscriptionItem {
  const { price } = wanted
  return {
    id: world.id('si'),
    object: 'subscription_item',
    billing_thresholds: null,
    created: world.seconds(),
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: wanted.metadata ?? {},
    plan: {
      id: price.id,
      object: 'plan',
      active: price.active,
      amount: price.unit_amount,
      amount_decimal: price.unit_amount_decimal,
      billing_scheme: 'per_unit',
      created: price.created,
      currency: price.currency,
      interval: price.recurring!.interval,
      interval_count: price.recurring!.interval_count,
      livemode: false,
      metadata: price.metadata,
      meter: null,
      nickname: price.nickname,
      product: price.product,
      tiers_mode: null,
      transform_usage: null,
      trial_period_days: null,
      usage_type: 'licensed',
    },
    price: structuredClone(price),
    quantity: wanted.quantity,
    subscription,
    tax_rates: [],
  }
}

export const periodOf = ({ items }: Subscription) => ({
  start: items.data[0]!.current_period_start,
  end: items.data[0]!.current_period_end,
})

/** The next period of every item. */
export function rollPeriod(subscription: Subscription): { start: number; end: number } {
  const start = periodOf(subscription).end
  const end = periodEndAfter(
    start,
    subscription.billing_cycle_anchor,
    subscription.items.data[0]!.price.recurring!,
  )
  for (const item of subscription.items.data)
    Object.assign(item, { current_period_start: start, current_period_end: end })
  return { start, end }
}

/** What a period of an item costs. */
export function cycleLine(
  world: StripeWorld,
  item: SubscriptionItem,
  period: { start: number; end: number },
  trial = false,
): LineDraft {
  const quantity = item.quantity ?? 1
  const { name = 'Subscription' } = world.products.get(item.price.product) ?? {}
  const { interval, interval_count: every } = item.price.recurring!
  const amount = trial ? 0 : amountOf(item.price, quantity)
  const unit = ((item.price.unit_amount ?? 0) / 100).toFixed(2)
  return {
    amount,
    description: trial
      ? `Free trial for ${quantity} × ${name}`
      : `${quantity} × ${name} (at ${unit} ${item.price.currency} / ${every > 1 ? `every ${every} ${interval}s` : interval})`,
    period,
    quantity,
    price: item.price,
    subscription: item.subscription,
    subscriptionItem: item.id,
    metadata: { ...world.subscriptions.get(item.subscription)?.metadata },
  }
}
