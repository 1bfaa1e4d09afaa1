import type { Scenarios, Story } from '../core/admin.ts'
import { makePrice } from './catalog.ts'
import { expireSession, paySession } from './checkout.ts'
import { makeSession } from './checkout-routes.ts'
import { makeCustomer } from './customers.ts'
import { closeDispute, disputeCharge } from './disputes.ts'
import { attachPaymentMethod, resolvePaymentMethod } from './payment-methods.ts'
import { refundCharge } from './refunds.ts'
import { endSubscription, makeSubscription } from './subscriptions.ts'
import type { Charge, Subscription } from './types.ts'
import { need, type StripeWorld } from './world.ts'

const day = 86_400

/** Whole stories, each with the events that Stripe would send. */
export function stripeScenarios(
  world: StripeWorld,
  advance: (clock: string, seconds: number) => void,
): Scenarios {
  return {
    'checkout.completed': (story) => void checkout(world, story),
    'checkout.declined': (story) => void checkout(world, story, '4000000000000002'),
    'checkout.expired': (story) => void expireSession(world, openCheckout(world, story)),
    'payment.disputed': (story) => void disputeCharge(world, paidCharge(world, story)),
    'payment.dispute_lost': (story) =>
      void closeDispute(world, disputeCharge(world, paidCharge(world, story)), 'lost'),
    'payment.dispute_won': (story) =>
      void closeDispute(world, disputeCharge(world, paidCharge(world, story)), 'won'),
    'payment.refunded': (story) => void refundCharge(world, paidCharge(world, story)),
    'payment.refunded_partly': (story) => {
      const charge = paidCharge(world, story)
      refundCharge(world, charge, { amount: Math.ceil(charge.amount / 3) })
    },
    'subscription.started': (story) => void subscribe(world, story, 'pm_card_visa'),
    'subscription.trial': (story) => void subscribe(world, story, 'pm_card_visa', 14),
    'subscription.renewed': (story) => {
      const subscription = subscribe(world, story, 'pm_card_visa')
      advance(subscription.test_clock!, 32 * day)
    },
    'subscription.unpaid': (story) => {
      const subscription = subscribe(world, story, 'pm_card_chargeCustomerFail', 7)
      advance(subscription.test_clock!, 40 * day)
    },
    'subscription.canceled': (story) =>
      endSubscription(world, subscribe(world, story, 'pm_card_visa'), 'cancellation_requested'),
  }
}

function openCheckout(world: StripeWorld, { amount, currency, metadata }: Story) {
  return makeSession(world, {
    mode: 'payment',
    success_url: `${world.url()}/`,
    line_items: [
      {
        price_data: { currency, unit_amount: amount, product_data: { name: 'Simulated purchase' } },
        quantity: 1,
      },
    ],
    metadata,
    payment_intent_data: { metadata },
    ...(metadata['client_reference_id'] ? { client_reference_id: metadata['client_reference_id'] } : {}),
  })
}

function checkout(world: StripeWorld, story: Story, number = '4242424242424242') {
  const session = openCheckout(world, story)
  paySession(world, session, { number, email: 'customer@example.com', name: 'Test Customer' })
  return session
}

function paidCharge(world: StripeWorld, story: Story): Charge {
  const intent = need(world.payment_intents, 'payment_intent', checkout(world, story).payment_intent ?? '')
  return need(world.charges, 'charge', intent.latest_charge ?? '')
}

/** On a test clock of its own, which the scenario moves. */
function subscribe(
  world: StripeWorld,
  { amount, currency, metadata }: Story,
  card: string,
  trialDays?: number,
): Subscription {
  const now = world.seconds()
  const clock = world.test_clocks.put({
    id: world.id('clock'),
    object: 'test_helpers.test_clock',
    created: now,
    deletes_after: now + 30 * day,
    frozen_time: now,
    livemode: false,
    name: null,
    status: 'ready',
    status_details: {},
  })
  const customer = makeCustomer(world, {
    email: 'customer@example.com',
    name: 'Test Customer',
    test_clock: clock.id,
    metadata,
  })
  const method = attachPaymentMethod(world, resolvePaymentMethod(world, card), customer.id)
  customer.invoice_settings.default_payment_method = method.id
  const price = makePrice(world, {
    currency,
    unit_amount: amount,
    product_data: { name: 'Simulated plan' },
    recurring: { interval: 'month', interval_count: 1, usage_type: 'licensed' },
  })
  return makeSubscription(world, {
    customer,
    items: [{ price, quantity: 1 }],
    ...(trialDays ? { trialEnd: now + trialDays * day } : {}),
    fields: { metadata },
  })
}
