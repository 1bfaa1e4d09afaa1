import Stripe from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, receiveWebhooks } from '../core/receive-webhooks.ts'
import { type StripeSimulator, startStripe } from './create-stripe.ts'

let simulator: StripeSimulator
let stripe: Stripe
let receiver: Receiver
const clock = { now: () => new Date('2026-03-01T12:00:00Z') }
const secret = 'whsec_test'

beforeAll(async () => {
  receiver = await receiveWebhooks()
  simulator = await startStripe({ clock, webhooks: [{ url: receiver.url, secret }] })
  stripe = new Stripe(simulator.secretKey, { ...simulator.sdkOptions, maxNetworkRetries: 0 })
})
afterAll(async () => {
  await simulator.stop()
  await receiver.stop()
})

/** Types of the events since the last call, in the order in which they arrived; every signature is checked by the SDK. */
async function arrived(): Promise<string[]> {
  await simulator.webhooks.settled()
  return receiver.take().map(({ body, headers }) => {
    const received = clock.now().getTime()
    return stripe.webhooks.constructEvent(
      body,
      headers['stripe-signature']!,
      secret,
      300,
      undefined,
      received,
    ).type
  })
}

test('a one-time payment at the hosted page', async () => {
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://shop.example/done?session={CHECKOUT_SESSION_ID}',
    line_items: [
      {
        price_data: { currency: 'thb', unit_amount: 19_900, product_data: { name: 'Credits' } },
        quantity: 2,
      },
    ],
    metadata: { order: 'ORD-1' },
  })
  expect(session).toMatchObject({
    status: 'open',
    payment_status: 'unpaid',
    amount_total: 39_800,
    currency: 'thb',
  })
  await arrived()
  expect(simulator.payCheckout(session.id, { email: 'a@example.com' })).toEqual({ ended: 'done' })
  expect(await arrived()).toEqual([
    'payment_intent.created',
    'charge.succeeded',
    'charge.updated',
    'payment_intent.succeeded',
    'checkout.session.completed',
  ])
  const paid = await stripe.checkout.sessions.retrieve(session.id, {
    expand: ['line_items', 'payment_intent.latest_charge.balance_transaction'],
  })
  expect(paid).toMatchObject({ status: 'complete', payment_status: 'paid', metadata: { order: 'ORD-1' } })
  const intent = paid.payment_intent as Stripe.PaymentIntent
  const charge = intent.latest_charge as Stripe.Charge
  expect(charge.outcome).toMatchObject({ risk_level: 'normal', type: 'authorized' })
  expect(charge.balance_transaction).toMatchObject({
    amount: 39_800,
    fee: 1184,
    net: 38_616,
    status: 'pending',
  })
  expect(paid.line_items!.data[0]).toMatchObject({ quantity: 2, amount_total: 39_800 })
})
