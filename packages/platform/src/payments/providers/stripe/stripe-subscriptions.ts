import type { Checkout, SubscriptionProvider } from '../payment-provider.ts'
import type { Fields } from '../read-fields.ts'
import { readStripeAnswer } from './read-events.ts'
import type { StripeApi } from './stripe-api.ts'

/** Subscriptions that Stripe renews, with its dunning and proration. */
export const stripeSubscriptions = (
  api: StripeApi,
  system: string,
  metadata: (target: string) => Record<string, string>,
): SubscriptionProvider => ({
  createCheckout: async ({ id, price, trialDays, email, successUrl, cancelUrl }) => {
    const made = await api.call((client) =>
      client.checkout.sessions.create(
        {
          mode: 'subscription',
          client_reference_id: id,
          metadata: metadata(id),
          subscription_data: {
            metadata: metadata(id),
            ...(trialDays > 0 ? { trial_period_days: trialDays } : {}),
          },
          line_items: [{ price, quantity: 1 }],
          success_url: successUrl,
          ...(cancelUrl ? { cancel_url: cancelUrl } : {}),
          ...(email ? { customer_email: email } : {}),
        },
        { idempotencyKey: `plinth subscription ${id} ${price}` },
      ),
    )
    return checkoutOf(made)
  },
  change: async (object, price, { key, prorate }) => {
    const subscription = await api.call((client) => client.subscriptions.retrieve(object))
    const item = subscription.object('items').list('data')[0]!.text('id')
    await api.call((client) =>
      client.subscriptions.update(
        object,
        { items: [{ id: item, price }], proration_behavior: prorate ? 'always_invoice' : 'none' },
        {
          idempotencyKey: `plinth change ${key} ${subscription.object('items').list('data')[0]!.id('price')}`,
        },
      ),
    )
  },
  // Doing these again changes nothing, so they need no key.
  cancel: async (object, immediately) => {
    await api.call((client) =>
      immediately
        ? client.subscriptions.cancel(object)
        : client.subscriptions.update(object, { cancel_at_period_end: true }),
    )
  },
  resume: async (object) => {
    await api.call((client) => client.subscriptions.update(object, { cancel_at_period_end: false }))
  },
  portal: async (object, returnUrl) => {
    const subscription = await api.call((client) => client.subscriptions.retrieve(object))
    const customer = subscription.id('customer')!
    const session = await api.call((client) =>
      client.billingPortal.sessions.create({ customer, return_url: returnUrl }),
    )
    return String(session.raw('url'))
  },
  read: async (object, now) =>
    readStripeAnswer(await api.call((client) => client.subscriptions.retrieve(object)), now, system),
})

export const checkoutOf = (session: Fields): Checkout => ({
  object: session.text('id'),
  // Longer than an id may be.
  url: session.has('url') ? String(session.raw('url')) : null,
  client: {},
})
