import { validatePaymentVerification } from 'razorpay/dist/utils/razorpay-utils.js'
import { afterEach, expect, test } from 'vitest'
import { refusal, start, useRazorpay } from './use-razorpay.ts'

const at = useRazorpay()
const day = 86_400_000
afterEach(() => at.types())

async function subscribe(more: object = {}) {
  const plan = await at.razorpay.plans.create({
    period: 'monthly',
    interval: 1,
    item: { name: 'Pro', amount: 29_900, currency: 'INR' },
  })
  return at.razorpay.subscriptions.create({
    plan_id: plan.id,
    total_count: 3,
    notes: { user: 'u1' },
    ...more,
  })
}

/** Types of the events of one subscription since the last call. */
const typesOf = async (id: string) =>
  (await at.arrived())
    .filter(({ payload }) => payload['subscription']?.entity['id'] === id)
    .map(({ event }) => event)

const fetchOf = (id: string) => at.razorpay.subscriptions.fetch(id)

test('agreed to, charged every month, and completed', async () => {
  const { id, status } = await subscribe()
  expect(status).toBe('created')
  const outcome = at.simulator.pay({ subscription_id: id, outcome: 'succeeds' })
  if (!outcome.ok) throw new Error('refused')
  const proof = { subscription_id: id, payment_id: outcome.response['razorpay_payment_id']! }
  expect(
    validatePaymentVerification(proof, outcome.response['razorpay_signature']!, at.simulator.keySecret),
  ).toBe(true)
  expect(await at.types()).toEqual([
    'payment.authorized',
    'payment.captured',
    'subscription.authenticated',
    'subscription.activated',
    'subscription.charged',
  ])
  expect(await fetchOf(id)).toMatchObject({
    status: 'active',
    paid_count: 1,
    remaining_count: 2,
    current_start: start / 1000,
  })
  await at.simulator.advance(31 * day)
  expect(await typesOf(id)).toEqual(['subscription.charged'])
  await at.simulator.advance(31 * day)
  expect(await fetchOf(id)).toMatchObject({ status: 'completed', paid_count: 3 })
})

test('one that begins later proves the card first, and gives that money back', async () => {
  const { id } = await subscribe({ start_at: at.simulator.simulation.time.seconds() + 10 * 86_400 })
  at.simulator.pay({ subscription_id: id, outcome: 'succeeds' })
  expect(await at.types()).toEqual([
    'payment.authorized',
    'payment.captured',
    'subscription.authenticated',
    'refund.created',
    'refund.processed',
  ])
  expect((await fetchOf(id)).status).toBe('authenticated')
  await at.simulator.advance(11 * day)
  expect((await fetchOf(id)).status).toBe('active')
})

test('a card that stops paying: pending, tried every day, halted, and back with another card', async () => {
  const { id } = await subscribe({ total_count: 12 })
  at.simulator.pay({ subscription_id: id, outcome: 'succeeds' })
  at.simulator.setMandate(id, 'fails')
  await at.types()
  await at.simulator.advance(31 * day)
  expect((await fetchOf(id)).status).toBe('pending')
  await at.simulator.advance(3 * day)
  const types = await typesOf(id)
  expect(types).toEqual([
    'subscription.pending',
    'subscription.pending',
    'subscription.pending',
    'subscription.halted',
  ])
  at.simulator.pay({ subscription_id: id, outcome: 'succeeds' })
  expect((await fetchOf(id)).status).toBe('active')
})

test('updated, paused, resumed, cancelled with the cycle, and at once', async () => {
  const { id } = await subscribe({ total_count: 12 })
  expect((await refusal(at.razorpay.subscriptions.pause(id))).statusCode).toBe(400)
  at.simulator.pay({ subscription_id: id, outcome: 'succeeds' })
  expect(await at.razorpay.subscriptions.update(id, { quantity: 2 })).toMatchObject({ quantity: 2 })
  expect((await at.razorpay.subscriptions.pause(id, { pause_at: 'now' })).status).toBe('paused')
  expect((await at.razorpay.subscriptions.resume(id, { resume_at: 'now' })).status).toBe('active')
  expect(await at.razorpay.subscriptions.cancel(id, true)).toMatchObject({
    status: 'active',
    has_scheduled_changes: true,
  })
  await at.types()
  await at.simulator.advance(32 * day)
  expect(await typesOf(id)).toEqual(['subscription.cancelled'])
  const other = await subscribe()
  at.simulator.pay({ subscription_id: other.id, outcome: 'succeeds' })
  expect((await at.razorpay.subscriptions.cancel(other.id)).status).toBe('cancelled')
})
