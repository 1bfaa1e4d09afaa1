import { afterEach, expect, test } from 'vitest'
import { useStripe } from './use-stripe.ts'

const at = useStripe()
const hour = 3_600_000
afterEach(async () => {
  at.simulator.webhooks.setRules({})
  at.receiver.statuses.length = 0
  await at.types()
})

const pay = () =>
  at.stripe.paymentIntents.create({
    amount: 500,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    confirm: true,
  })
const story = ['payment_intent.created', 'charge.succeeded', 'charge.updated', 'payment_intent.succeeded']

test('each event is sent three times', async () => {
  at.simulator.webhooks.setRules({ times: 3 })
  await pay()
  const events = await at.arrived()
  expect(events).toHaveLength(12)
  expect(new Set(events.map(({ id }) => id)).size).toBe(4)
})

test('events gather and go out in another order, the same for the same seed', async () => {
  at.simulator.webhooks.setRules({ hold: true })
  await pay()
  expect(await at.types()).toEqual([])
  expect(await at.simulator.webhooks.release({ order: 'reversed' })).toBe(4)
  expect(await at.types()).toEqual(story.toReversed())
  at.simulator.webhooks.setRules({ hold: true })
  await pay()
  await at.simulator.webhooks.release({ order: 'shuffled', times: 2 })
  const shuffled = await at.types()
  expect(shuffled.toSorted()).toEqual([...story, ...story].toSorted())
  expect(shuffled).not.toEqual([...story, ...story])
  at.simulator.webhooks.setRules({ shuffle: true, parallel: 4 })
  await pay()
  expect((await at.types()).toSorted()).toEqual(story.toSorted())
})

test('events are dropped and stay in the list, where reconciliation finds them', async () => {
  at.simulator.webhooks.setRules({ drop: ['payment_intent.succeeded'] })
  const { id } = await pay()
  expect(await at.types()).toEqual(story.slice(0, 3))
  const listed = await at.stripe.events.list({ type: 'payment_intent.succeeded', limit: 1 })
  expect(listed.data[0]?.data.object).toMatchObject({ id })
  const missed = await at.stripe.events.list({ types: ['payment_intent.succeeded'], delivery_success: false })
  expect(missed.data).toHaveLength(1)
})

test('events come later by the simulator’s clock', async () => {
  at.simulator.webhooks.setRules({ delay: 10 * 60_000 })
  await pay()
  await at.simulator.advance(9 * 60_000)
  expect(await at.types()).toEqual([])
  await at.simulator.advance(2 * 60_000)
  expect(await at.types()).toEqual(story)
})

test('an endpoint that fails is tried for three days, ever more rarely, and then no more', async () => {
  at.simulator.webhooks.setRules({ drop: ['payment_intent.created', 'charge.succeeded', 'charge.updated'] })
  at.receiver.statuses.push(500, 503)
  await pay()
  expect(await at.types()).toHaveLength(1)
  await at.simulator.advance(5 * 60_000)
  expect(await at.types()).toHaveLength(1)
  await at.simulator.advance(29 * 60_000)
  expect(await at.types()).toHaveLength(0)
  await at.simulator.advance(2 * 60_000)
  expect(await at.types()).toHaveLength(1)
  at.receiver.statuses.push(...Array<number>(20).fill(500))
  await pay()
  await at.simulator.advance(90 * hour)
  expect(await at.types()).toHaveLength(11)
  expect(at.simulator.webhooks.list().at(-1)).toMatchObject({ state: 'given up', attempts: 11, answer: 500 })
})

test('endpoints are added by the API, choose their events, and keep their secret to themselves', async () => {
  const endpoint = await at.stripe.webhookEndpoints.create({
    url: at.receiver.url,
    enabled_events: ['customer.created'],
  })
  expect(endpoint.secret).toMatch(/^whsec_/)
  expect((await at.stripe.webhookEndpoints.retrieve(endpoint.id)).secret).toBeUndefined()
  await at.stripe.customers.create({ email: 'x@example.com' })
  await at.simulator.webhooks.settled()
  const received = at.receiver.take()
  expect(received).toHaveLength(2)
  const opened = received.map(({ body, headers }) => {
    const verify = (secret: string) => {
      try {
        return at.stripe.webhooks.constructEvent(body, headers['stripe-signature']!, secret, 1e12).type
      } catch {
        return undefined
      }
    }
    return verify(endpoint.secret!) ?? verify('whsec_test')
  })
  expect(opened).toEqual(['customer.created', 'customer.created'])
  await at.stripe.webhookEndpoints.del(endpoint.id)
})

test('an event says which call caused it, and what an object was before', async () => {
  const customer = await at.stripe.customers.create({ name: 'Before' })
  await at.stripe.customers.update(customer.id, { name: 'After' }, { idempotencyKey: 'why' })
  const [, updated] = await at.arrived()
  expect(updated).toMatchObject({
    type: 'customer.updated',
    request: { idempotency_key: 'why' },
    data: { object: { name: 'After' }, previous_attributes: { name: 'Before' } },
    pending_webhooks: 1,
  })
})

test('the knobs over HTTP: scenarios, clock, faults; not for pages of other origins', async () => {
  const call = (path: string, method = 'GET', body?: object, headers = {}) =>
    fetch(`${at.simulator.url}/_simulator${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  const played = await call('/scenarios/checkout.completed', 'POST', {
    times: 3,
    shuffle: true,
    amount: 1999,
    currency: 'THB',
    metadata: { order: 'O-1' },
  })
  expect(((await played.json()) as { deliveries: unknown[] }).deliveries).toHaveLength(21)
  const events = await at.arrived()
  expect(events).toHaveLength(21)
  expect(events.find(({ type }) => type === 'checkout.session.completed')?.data.object).toMatchObject({
    amount_total: 1999,
    currency: 'thb',
    metadata: { order: 'O-1' },
  })
  const names = ((await (await call('')).json()) as { scenarios: string[] }).scenarios
  for (const name of names) expect((await call(`/scenarios/${name}`, 'POST')).status, name).toBe(200)
  await at.types()
  expect((await call('/scenarios/none', 'POST')).status).toBe(404)
  expect((await call('/clock', 'POST', { advance: 1000 })).status).toBe(200)
  expect((await call('/clock', 'POST', { set: '2000-01-01T00:00:00Z' })).status).toBe(400)
  expect((await call('/faults', 'POST', { status: 700 })).status).toBe(400)
  expect((await call('/clock', 'POST', { advance: 1 }, { origin: 'https://evil.example' })).status).toBe(403)
})
