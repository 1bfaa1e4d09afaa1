import { periodEndAfter, prorate } from '../core/billing-periods.ts'
import { amountOf } from './catalog.ts'
import { redeem } from './discounts.ts'
import { invalid, StripeFailure } from './failure.ts'
import {
  draftLasts,
  endInvoice,
  finalizeInvoice,
  type LineDraft,
  makeInvoice,
  pendingItems,
  pricingOf,
  subscriptionOf,
  tryInvoice,
} from './invoices.ts'
import { behaviourOfMethod } from './payment-methods.ts'
import type { Customer, Invoice, InvoiceItem, Price, Subscription, SubscriptionItem } from './types.ts'
import { change, need, type StripeWorld } from './world.ts'

const day = 86_400
/** Seconds before the end of a trial at which it is announced. */
const trialNotice = 3 * day
/** Seconds in which the first payment has to come. */
const firstPaymentWithin = 23 * 3600

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

/** Starts a subscription, and bills its first period. */
export function makeSubscription(world: StripeWorld, given: NewSubscription): Subscription {
  checkItems(given.items)
  return world.inTimeOf(given.customer.id, () => {
    const now = world.seconds()
    const trialing = given.trialEnd !== undefined && given.trialEnd > now
    const anchor = trialing ? given.trialEnd! : (given.anchor ?? now)
    const cadence = given.items[0]!.price.recurring!
    const id = world.id('sub')
    const end = trialing ? given.trialEnd! : anchor > now ? anchor : periodEndAfter(now, anchor, cadence)
    const subscription = blankSubscription(id, given, { now, anchor })
    if (given.behavior === 'error_if_incomplete' && !trialing) requirePayable(world, subscription, given)
    subscription.items.data = given.items.map((wanted) => makeItem(world, id, wanted, { start: now, end }))
    subscription.status = trialing ? 'trialing' : 'incomplete'
    subscription.trial_start = trialing ? now : null
    subscription.trial_end = trialing ? given.trialEnd! : null
    world.subscriptions.put(subscription)
    subscription.discounts = (given.discounts ?? []).map(
      (discount) => redeem(world, discount, { customer: given.customer.id, subscription: id }).id,
    )
    world.emit('customer.subscription.created', subscription)
    planNext(world, subscription)
    billFirst(world, subscription, given, trialing)
    return subscription
  })
}

function checkItems(items: readonly Wanted[]): void {
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

function blankSubscription(
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

/** `error_if_incomplete`: nothing is made when the card would refuse. */
function requirePayable(
  world: StripeWorld,
  { default_payment_method }: Subscription,
  { customer }: NewSubscription,
): void {
  const id = default_payment_method ?? customer.invoice_settings.default_payment_method
  const method = world.payment_methods.get(id ?? '')
  if (!method) throw noMethod()
  const { decline, blocked, authentication } = behaviourOfMethod(world, method)
  if (!decline && !blocked && !authentication) return
  throw new StripeFailure(402, {
    code: decline?.code ?? 'card_declined',
    decline_code: decline?.reason ?? 'authentication_required',
    message: decline?.message ?? 'Your card was declined.',
    type: 'card_error',
  })
}

export const noMethod = () =>
  invalid(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method.',
    { code: 'resource_missing' },
  )

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

function billFirst(
  world: StripeWorld,
  subscription: Subscription,
  given: NewSubscription,
  trialing: boolean,
): void {
  const lines = subscription.items.data.map((item) =>
    cycleLine(world, item, { start: item.current_period_start, end: item.current_period_end }, trialing),
  )
  const invoice = makeInvoice(
    world,
    {
      customer: given.customer,
      currency: subscription.currency,
      reason: 'subscription_create',
      lines,
      subscription,
      collection: subscription.collection_method as 'charge_automatically',
      daysUntilDue: subscription.days_until_due ?? undefined,
    },
    pendingItems(world, given.customer.id, subscription.id),
  )
  finalizeInvoice(world, invoice)
  if (invoice.status === 'paid') return
  if (subscription.collection_method === 'send_invoice') {
    setStatus(world, subscription, 'active')
    return
  }
  if (given.behavior !== 'default_incomplete')
    tryInvoice(world, invoice, { offSession: !given.onSession, authenticated: given.authenticated ?? false })
  if (subscription.status === 'incomplete')
    world.plan(
      'expire-incomplete',
      subscription.id,
      world.seconds() + firstPaymentWithin,
      subscription.customer,
    )
}

function setStatus(world: StripeWorld, subscription: Subscription, status: Subscription['status']): void {
  if (subscription.status === status) return
  world.emit('customer.subscription.updated', subscription, change(subscription, { status }))
}

export const periodOf = ({ items }: Subscription) => ({
  start: items.data[0]!.current_period_start,
  end: items.data[0]!.current_period_end,
})

/** Plans what comes next: the end of the period, and before it the notice of a trial's end. */
export function planNext(world: StripeWorld, subscription: Subscription): void {
  const { timers } = world.simulation
  const { id, customer, trial_end: trialEnd, cancel_at: cancelAt, status } = subscription
  for (const task of ['renew', 'trial-will-end', 'cancel-at']) timers.cancel(task, id)
  if (['canceled', 'incomplete_expired'].includes(status)) return
  world.plan('renew', id, periodOf(subscription).end, customer)
  if (cancelAt && !subscription.cancel_at_period_end) world.plan('cancel-at', id, cancelAt, customer)
  if (status === 'trialing' && trialEnd)
    world.plan('trial-will-end', id, Math.max(world.seconds(), trialEnd - trialNotice), customer)
}

/** The period has ended: the next one begins, or the subscription ends. */
export function renew(world: StripeWorld, subscription: Subscription): void {
  if (
    !world.subscriptions.get(subscription.id) ||
    ['canceled', 'incomplete_expired', 'incomplete'].includes(subscription.status)
  )
    return
  if (subscription.cancel_at_period_end) {
    endSubscription(world, subscription, 'cancellation_requested')
    return
  }
  const customer = need(world.customers, 'customer', subscription.customer)
  const trialEnded = subscription.status === 'trialing'
  const missing =
    trialEnded && !(subscription.default_payment_method ?? customer.invoice_settings.default_payment_method)
  const onMissing = subscription.trial_settings?.end_behavior.missing_payment_method
  if (missing && onMissing === 'cancel') {
    endSubscription(world, subscription, 'payment_failed')
    return
  }
  if (missing && onMissing === 'pause') {
    world.emit('customer.subscription.paused', subscription, change(subscription, { status: 'paused' }))
    return
  }
  const { items, latest_invoice, status } = structuredClone(subscription)
  const ended = periodOf(subscription)
  const period = rollPeriod(subscription)
  const lines = subscription.items.data.map((item) => cycleLine(world, item, period))
  if (trialEnded) subscription.status = 'active'
  const invoice = makeInvoice(
    world,
    {
      customer,
      currency: subscription.currency,
      reason: 'subscription_cycle',
      lines,
      subscription,
      collection: subscription.collection_method as 'charge_automatically',
      daysUntilDue: subscription.days_until_due ?? undefined,
      fields: {
        auto_advance: subscription.status !== 'unpaid',
        automatically_finalizes_at: world.seconds() + draftLasts,
        period_start: ended.start,
        period_end: ended.end,
      },
    },
    pendingItems(world, customer.id, subscription.id),
  )
  const previous = { items, latest_invoice, ...(trialEnded ? { status } : {}) }
  world.emit('customer.subscription.updated', subscription, previous)
  if (invoice.auto_advance)
    world.plan('finalize-invoice', invoice.id, world.seconds() + draftLasts, customer.id)
  planNext(world, subscription)
}

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

/** A draft's hour has passed, or a payment is tried again. */
export function advanceInvoice(world: StripeWorld, invoice: Invoice): void {
  if (invoice.status === 'draft') finalizeInvoice(world, invoice)
  if (invoice.status !== 'open' || invoice.collection_method !== 'charge_automatically') return
  tryInvoice(world, invoice, { offSession: true })
}

/** Ends a subscription now. */
export function endSubscription(
  world: StripeWorld,
  subscription: Subscription,
  reason: NonNullable<Subscription['cancellation_details']>['reason'],
): void {
  const now = world.seconds()
  change(subscription, {
    status: 'canceled',
    canceled_at: subscription.canceled_at ?? now,
    cancel_at_period_end: false,
    ended_at: now,
    cancellation_details: { ...subscription.cancellation_details!, reason },
  })
  planNext(world, subscription)
  const draft = world.invoices.get(subscription.latest_invoice ?? '')
  if (draft?.status === 'draft') draft.auto_advance = false
  world.simulation.timers.cancel('finalize-invoice', draft?.id ?? '')
  world.simulation.timers.cancel('retry-invoice', draft?.id ?? '')
  world.emit('customer.subscription.deleted', subscription)
}

/** The first payment did not come in time. */
export function expireIncomplete(world: StripeWorld, subscription: Subscription): void {
  if (subscription.status !== 'incomplete') return
  const invoice = world.invoices.get(subscription.latest_invoice ?? '')
  if (invoice?.status === 'open') endInvoice(world, invoice, 'void')
  world.emit(
    'customer.subscription.updated',
    subscription,
    change(subscription, { status: 'incomplete_expired', ended_at: world.seconds() }),
  )
  planNext(world, subscription)
}

/** What changes within a period: the unused time of the old comes back, the time left of the new is paid. */
export function prorationLines(
  world: StripeWorld,
  before: readonly SubscriptionItem[],
  after: readonly SubscriptionItem[],
  at: number,
): LineDraft[] {
  const nameOf = (item: SubscriptionItem) =>
    `${item.quantity ?? 1} × ${world.products.get(item.price.product)?.name ?? 'Subscription'}`
  const dateOf = new Date(at * 1000).toUTCString().slice(5, 16)
  const line = (item: SubscriptionItem, sign: 1 | -1): LineDraft => {
    const period = { start: item.current_period_start, end: item.current_period_end }
    return {
      amount: sign * prorate(amountOf(item.price, item.quantity ?? 1), period, at),
      description: `${sign < 0 ? 'Unused' : 'Remaining'} time on ${nameOf(item)} after ${dateOf}`,
      period: { start: at, end: period.end },
      quantity: item.quantity ?? 1,
      price: item.price,
      proration: true,
      subscription: item.subscription,
      subscriptionItem: item.id,
    }
  }
  const same = (one: SubscriptionItem, other: SubscriptionItem | undefined) =>
    other !== undefined && one.price.id === other.price.id && one.quantity === other.quantity
  const credits = before
    .filter(
      (item) =>
        !same(
          item,
          after.find(({ id }) => id === item.id),
        ),
    )
    .map((item) => line(item, -1))
  const debits = after
    .filter(
      (item) =>
        !same(
          item,
          before.find(({ id }) => id === item.id),
        ),
    )
    .map((item) => line(item, 1))
  return [...credits, ...debits]
}

/** Keeps lines for the next invoice of a subscription. */
export function addPending(
  world: StripeWorld,
  subscription: Subscription,
  lines: readonly LineDraft[],
): InvoiceItem[] {
  return lines.map((line) => {
    const item = world.invoice_items.put({
      id: world.id('ii'),
      object: 'invoiceitem',
      amount: line.amount,
      currency: subscription.currency,
      customer: subscription.customer,
      customer_account: null,
      date: world.seconds(),
      description: line.description,
      discountable: false,
      discounts: [],
      invoice: null,
      livemode: false,
      metadata: {},
      net_amount: line.amount,
      parent: {
        subscription_details: {
          subscription: subscription.id,
          subscription_item: line.subscriptionItem ?? '',
        },
        type: 'subscription_details',
      },
      period: { ...line.period },
      pricing: pricingOf(line.price) as InvoiceItem['pricing'],
      proration: true,
      proration_details: { credited_items: null, discount_amounts: [] },
      quantity: line.quantity,
      quantity_decimal: String(line.quantity),
      tax_rates: [],
      test_clock: subscription.test_clock,
    })
    world.emit('invoiceitem.created', item)
    return item
  })
}

/** Lets subscriptions follow their invoices. */
export function followInvoices(world: StripeWorld): void {
  world.listen('invoice.paid', (invoice: Invoice) => {
    const subscription = subscriptionOf(world, invoice)
    if (!subscription || !['incomplete', 'past_due', 'unpaid'].includes(subscription.status)) return
    if (subscription.latest_invoice !== invoice.id) return
    world.simulation.timers.cancel('expire-incomplete', subscription.id)
    const method = world.invoice_payments.all().find((each) => each.invoice === invoice.id)
      ?.payment.payment_intent
    const saves = subscription.payment_settings?.save_default_payment_method === 'on_subscription'
    const used = world.payment_intents.get(method ?? '')?.payment_method
    const changes = { status: 'active' as const, ...(saves && used ? { default_payment_method: used } : {}) }
    world.emit('customer.subscription.updated', subscription, change(subscription, changes))
  })
  world.listen('invoice.payment_failed', (invoice: Invoice) => {
    const subscription = subscriptionOf(world, invoice)
    if (!subscription || invoice.billing_reason === 'subscription_create') return
    if (invoice.next_payment_attempt !== null || subscription.collection_method === 'send_invoice') {
      if (subscription.status === 'active') setStatus(world, subscription, 'past_due')
      return
    }
    const outcome = world.account.afterRetries
    if (outcome === 'canceled' && subscription.status !== 'canceled')
      endSubscription(world, subscription, 'payment_failed')
    else setStatus(world, subscription, outcome)
  })
}
