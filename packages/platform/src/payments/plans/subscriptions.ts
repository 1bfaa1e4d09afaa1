import { type ProjectDatabase, sql, type Transaction, translateSqlError } from '../../database/index.ts'
import { paymentErrors } from '../errors.ts'
import { linkObjects } from '../facts/store-fact.ts'
import type { FoldContext } from '../orders/fold-context.ts'
import type { Checkout, PaymentProvider, SubscriptionProvider } from '../providers/payment-provider.ts'
import {
  approveSubscription,
  cancelSubscription,
  changePlan,
  definePlan,
  dueOrder,
  type NewPlan,
  type NewSubscription,
  type PlanChange,
  resumeSubscription,
  subscribe,
} from './manage-subscriptions.ts'
import { readSubscriptionBack } from './read-subscription-back.ts'
import { trialDaysOf } from './run-subscription.ts'
import { readSubscription, type Subscription } from './subscription.ts'

/**
 * What handlers find as `ctx.payments.subscriptions`. A subscription that a provider manages is changed at the provider: what
 * that says comes back as facts.
 */
export interface Subscriptions {
  definePlan(plan: NewPlan): Promise<void>
  /** Fails with `plan_unknown` or `subscription_exists`. */
  subscribe(subscription: NewSubscription): Promise<Subscription>
  /** Fails with `subscription_unknown`. */
  get(id: string): Promise<Subscription>
  approve(id: string, by: string): Promise<Subscription>
  change(id: string, plan: Pick<NewSubscription, 'plan' | 'unit' | 'units'>): Promise<PlanChange>
  cancel(id: string, how?: { readonly immediately?: boolean }): Promise<Subscription>
  resume(id: string): Promise<Subscription>
  /** The order that it waits for, to open a checkout of; null when nothing is to be paid. */
  dueOrder(id: string): Promise<string | null>
  /** The provider's page at which a subscription that it is to manage begins. Fails with `subscription_over`. */
  checkout(id: string, options: SubscriptionCheckoutOptions): Promise<Checkout>
  /** The provider's page for cards, invoices and cancellation. */
  portal(id: string, returnUrl: string): Promise<string>
}

export interface SubscriptionCheckoutOptions {
  readonly email?: string
  readonly successUrl: string
  readonly cancelUrl?: string
}

export interface SubscriptionsOptions extends FoldContext {
  readonly database: ProjectDatabase
  readonly providers: ReadonlyMap<string, PaymentProvider>
}

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { database, clock } = options
  const inTransaction = async <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => {
    try {
      return await database.transactionAsOwner(work)
    } catch (error) {
      throw translateSqlError(error, paymentErrors)
    }
  }
  const get = async (id: string) => {
    const found = await readSubscription({ query: database.asOwner }, id)
    if (!found) throw paymentErrors.subscription_unknown({ id })
    return found
  }
  const manager = (subscription: Subscription): SubscriptionProvider => {
    const found = options.providers.get(subscription.manager)?.subscriptions
    if (!found) throw paymentErrors.payment_provider_off({ provider: subscription.manager })
    return found
  }
  /** After a change of ours; the provider's own events say the same later. */
  const readBack = async ({ id }: Subscription): Promise<Subscription> => {
    await readSubscriptionBack(options, id)
    return get(id)
  }
  const isElsewhere = (subscription: Subscription) =>
    subscription.manager !== 'plinth' && subscription.object !== null
  return {
    get,
    definePlan: (plan) => inTransaction((transaction) => definePlan(transaction, plan)),
    subscribe: (given) => inTransaction((transaction) => subscribe(transaction, options, given)),
    approve: (id, by) => inTransaction((transaction) => approveSubscription(transaction, options, id, by)),
    change: async (id, wanted) => {
      const subscription = await get(id)
      if (!isElsewhere(subscription))
        return inTransaction((transaction) => changePlan(transaction, options, id, wanted))
      const { price, amount } = await providerPrice(database, subscription, wanted, clock.now())
      // Giving money back for a period whose units are spent would make them free.
      const how = { key: `${id} ${price} ${subscription.price}`, prorate: amount > subscription.amount }
      await manager(subscription).change(subscription.object!, price, how)
      return { subscription: await readBack(subscription), order: null }
    },
    cancel: async (id, how = {}) => {
      const subscription = await get(id)
      if (!isElsewhere(subscription))
        return inTransaction((transaction) => cancelSubscription(transaction, options, id, how))
      await manager(subscription).cancel(subscription.object!, how.immediately ?? false)
      return readBack(subscription)
    },
    resume: async (id) => {
      const subscription = await get(id)
      if (!isElsewhere(subscription))
        return inTransaction((transaction) => resumeSubscription(transaction, options, id))
      await manager(subscription).resume(subscription.object!)
      return readBack(subscription)
    },
    dueOrder: (id) => dueOrder({ query: database.asOwner }, id),
    checkout: async (id, given) => {
      const subscription = await get(id)
      if (subscription.status !== 'incomplete' || subscription.object)
        throw paymentErrors.subscription_over({ id, status: subscription.status })
      const { price } = await providerPrice(database, subscription, { plan: subscription.plan }, clock.now())
      const trialDays = await trialDaysOf({ query: database.asOwner }, subscription)
      const checkout = await manager(subscription).createCheckout({ ...given, id, price, trialDays })
      await inTransaction((transaction) =>
        linkObjects(transaction, subscription.manager, [checkout.object], id),
      )
      return checkout
    },
    portal: async (id, returnUrl) => {
      const subscription = await get(id)
      if (!subscription.object) throw paymentErrors.subscription_over({ id, status: subscription.status })
      return manager(subscription).portal(subscription.object, returnUrl)
    },
  }
}

/** The provider's id of a plan's price, and what it costs (minor units). Fails with `plan_unknown`. */
async function providerPrice(
  database: ProjectDatabase,
  { currency, unit, units, manager }: Subscription,
  wanted: Pick<NewSubscription, 'plan' | 'unit' | 'units'>,
  now: Date,
): Promise<{ readonly price: string; readonly amount: number }> {
  const { rows } = await database.asOwner<{ price: string | null; amount: string }>(sql`
    select provider_prices ->> ${manager} as price, amount from plinth.plan_prices
    where id = plinth.plan_price(${wanted.plan}, ${currency}, ${wanted.unit ?? unit}, ${wanted.units ?? units}, ${now})`)
  const { price = null, amount = '0' } = rows[0] ?? {}
  if (!price) throw paymentErrors.plan_unknown({ plan: wanted.plan, currency })
  return { price, amount: Number(amount) }
}
