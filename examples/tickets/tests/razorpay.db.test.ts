import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { sql } from '@plinth/platform/database'
import { paymentsOffer } from '@plinth/platform/payments'
import { type RazorpaySimulator, startRazorpay } from '@plinth/simulators'
import { stableId } from '@plinth/testing'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tickets } from '../system.ts'

let system: OpenTestSystem
let razorpay: RazorpaySimulator
let stop: () => Promise<void>
const secret = 'the secret of razorpay webhooks'

beforeAll(async () => {
  const server = serve({
    fetch: (request, env) => system.fetch(request, env),
    port: 0,
    hostname: '127.0.0.1',
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/tickets/payments/webhooks/razorpay`
  const start = new Date('2026-01-15T12:00:00Z')
  razorpay = await startRazorpay({
    clock: { now: () => system?.clock.now() ?? start },
    webhooks: [{ url, secret }],
  })
  system = await openTestSystem(tickets, {
    environment: {
      PLINTH_TICKETS_PAYMENTS_RAZORPAY_KEY_ID: razorpay.keyId,
      PLINTH_TICKETS_PAYMENTS_RAZORPAY_KEY_SECRET: razorpay.keySecret,
      PLINTH_TICKETS_PAYMENTS_RAZORPAY_WEBHOOK_SECRET: secret,
      PLINTH_TICKETS_PAYMENTS_RAZORPAY_BASE_URL: razorpay.url,
    },
  })
  stop = async () => {
    await razorpay.stop()
    await new Promise((resolve) => server.close(resolve))
    await system.close()
  }
})
afterAll(() => stop?.())

const payments = () => system.project.offer(paymentsOffer)

async function settle() {
  for (let round = 0; round < 2; round += 1) {
    await razorpay.webhooks.settled()
    await system.jobs.runDue()
  }
}

const make = (reference: string) =>
  payments().createOrder({
    tenant: reference,
    purpose: 'deposit',
    reference: stableId(reference),
    currency: 'INR',
    lines: [{ account: 'deposits', kind: 'income', amount: 50_000 }],
  })

it('a deposit in Razorpay’s window: the client’s proof, the webhooks in any order, a refund', async () => {
  const { id } = await make('window')
  const checkout = await payments().checkout(id, 'razorpay', { title: 'Deposit' })
  expect(checkout).toMatchObject({
    url: null,
    client: { key: razorpay.keyId, amount: 50_000, currency: 'INR' },
  })
  expect(await payments().checkout(id, 'razorpay', { title: 'Deposit' })).toEqual(checkout)
  razorpay.webhooks.setRules({ times: 2, shuffle: true })
  const paid = razorpay.pay({ order_id: checkout.object, outcome: 'succeeds' })
  if (!paid.ok) throw new Error('the payment failed')
  const { razorpay_order_id, razorpay_payment_id, razorpay_signature } = paid.response
  const proven = await payments().verifyRazorpay({
    orderId: razorpay_order_id!,
    paymentId: razorpay_payment_id!,
    signature: razorpay_signature!,
  })
  expect(proven.status).toBe('paid')
  await settle()
  razorpay.webhooks.setRules({})
  expect(await payments().order(id)).toMatchObject({ status: 'paid', captured: 50_000, discrepancies: [] })
  await payments().refund(id, { cause: 'cancelled' })
  await settle()
  expect(await payments().order(id)).toMatchObject({ status: 'refunded', refunded: 50_000 })
})

it('an authorisation that comes late, after an attempt that failed', async () => {
  const { id } = await make('late')
  const { object } = await payments().checkout(id, 'razorpay', { title: 'Deposit' })
  expect(razorpay.pay({ order_id: object, outcome: 'fails' }).ok).toBe(false)
  razorpay.pay({ order_id: object, outcome: 'late' })
  await settle()
  expect((await payments().order(id)).status).not.toBe('paid')
  system.clock.advance(3_600_000)
  await razorpay.advance(0)
  await settle()
  expect((await payments().order(id)).status).toBe('paid')
})

it('a refund whose answer is lost is done once', async () => {
  const { id } = await make('lost')
  const { object } = await payments().checkout(id, 'razorpay', { title: 'Deposit' })
  razorpay.pay({ order_id: object, outcome: 'succeeds' })
  await settle()
  razorpay.faults.add({ method: 'POST', path: '/v1/payments/*/refund', hangUp: 'after' })
  const request = await payments().refund(id, { cause: 'lost', amount: 20_000 })
  await system.jobs.runDue()
  await system.jobs.run('call-payment-provider', { request })
  await settle()
  expect(await payments().order(id)).toMatchObject({ status: 'partially_refunded', refunded: 20_000 })
})

it('a checkout whose answer is lost is found, and what webhooks were lost is reconciled', async () => {
  const { id } = await make('reconciled')
  razorpay.faults.add({ method: 'POST', path: '/v1/orders', hangUp: 'after' })
  await expect(payments().checkout(id, 'razorpay', { title: 'Deposit' })).rejects.toMatchObject({
    code: 'payment_provider_failed',
  })
  const { object } = await payments().checkout(id, 'razorpay', { title: 'Deposit' })
  razorpay.webhooks.setRules({ drop: ['*'] })
  razorpay.pay({ order_id: object, outcome: 'succeeds' })
  await settle()
  razorpay.webhooks.setRules({})
  system.clock.advance(86_400_000)
  await system.jobs.run('reconcile-payments')
  expect((await payments().order(id)).status).toBe('paid')
  const { rows } = await system.database.asOwner(sql`
    select problem, mended_at is not null as mended from plinth.payment_differences where target = ${id}`)
  expect(rows).toEqual([{ problem: 'missed_here', mended: true }])
})

it('what is authorised only is captured when it is asked for, once, though the answer is lost', async () => {
  const { id } = await make('authorised')
  const answer = await fetch(`${razorpay.url}/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${razorpay.keyId}:${razorpay.keySecret}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ amount: 50_000, currency: 'INR', receipt: id, payment_capture: false }),
  })
  const { id: object } = (await answer.json()) as { id: string }
  await system.database.asOwner(sql`select plinth.link_payment_objects('razorpay', array[${object}], ${id})`)
  razorpay.pay({ order_id: object, outcome: 'succeeds' })
  await settle()
  expect((await payments().order(id)).status).toBe('authorised')
  razorpay.webhooks.setRules({ drop: ['*'] })
  razorpay.faults.add({ method: 'POST', path: '/v1/payments/*/capture', hangUp: 'after' })
  const request = await payments().capture(id)
  await system.jobs.runDue()
  await system.jobs.run('call-payment-provider', { request })
  razorpay.webhooks.setRules({})
  expect((await payments().order(id)).status).toBe('paid')
})
