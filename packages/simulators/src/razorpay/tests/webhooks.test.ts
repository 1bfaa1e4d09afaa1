import { expect, test } from 'vitest'
import { useRazorpay } from './use-razorpay.ts'

const at = useRazorpay()
const hour = 3_600_000

async function pay() {
  const { id } = await at.razorpay.orders.create({ amount: 1000, currency: 'INR' })
  at.simulator.pay({ order_id: id, outcome: 'succeeds' })
  return id
}

test('the same event twice has one id', async () => {
  at.simulator.webhooks.setRules({ times: 2 })
  await pay()
  at.simulator.webhooks.setRules({})
  const events = await at.arrived()
  expect(events).toHaveLength(6)
  expect(new Set(events.map(({ id }) => id)).size).toBe(3)
})

test('every scenario plays, and its events can be shuffled', async () => {
  const knobs = `${at.simulator.url}/_simulator`
  const { scenarios } = (await (await fetch(knobs)).json()) as { scenarios: string[] }
  for (const name of scenarios) {
    const played = await fetch(`${knobs}/scenarios/${name}`, {
      method: 'POST',
      body: JSON.stringify({ shuffle: true, metadata: { a: 'b' } }),
    })
    expect(played.status, name).toBe(200)
    expect((await at.types()).length, name).toBeGreaterThan(0)
  }
})

test('webhooks are kept by the API', async () => {
  const made = await at.razorpay.webhooks.create({
    url: 'https://x.example/',
    secret: 's',
    events: ['order.paid'],
  } as never)
  expect(made).toMatchObject({ active: true, events: ['order.paid'], secret_exists: true })
  expect(made).not.toHaveProperty('secret')
})

test('after 24 hours of failures the webhook is switched off, and nothing is sent any more', async () => {
  at.receiver.statuses.push(...Array<number>(60).fill(500))
  await pay()
  await at.simulator.advance(25 * hour)
  const attempts = (await at.types()).length
  // The first event is tried eight times and switches the webhook off; the others have one attempt left by then.
  expect(attempts).toBe(8 + 7 + 7)
  at.receiver.statuses.length = 0
  await pay()
  expect(await at.types()).toEqual([])
})
