import { prorate } from '../core/billing-periods.ts'
import { amountOf } from './catalog.ts'
import { type LineDraft, pricingOf } from './invoice-draft.ts'
import type { InvoiceItem, Subscription, SubscriptionItem } from './types.ts'
import type { StripeWorld } from './world.ts'

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
