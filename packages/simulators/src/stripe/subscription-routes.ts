import { invalid } from './failure.ts'
import { flag, oneOf, text, whole } from './params.ts'
import { listRoute, type Route, route } from './routes.ts'
import { cancellation, common, fieldsOf, itemsGiven, trialEnd, wantedOf } from './subscription-params.ts'
import { makeSubscription, planNext } from './subscriptions.ts'
import {
  billNow,
  cancelNow,
  setCancellation,
  startPeriod,
  updateSubscription,
} from './update-subscription.ts'
import { change, need, type StripeWorld } from './world.ts'

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
          startPeriod(subscription, world.seconds())
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
