import { validatePaymentVerification } from 'razorpay/dist/utils/razorpay-utils.js'
import { afterEach, expect, test } from 'vitest'
import { refusal, start, useRazorpay } from './use-razorpay.ts'

const at = useRazorpay()
const minute = 60_000
const day = 86_400_000
afterEach(() => at.types())

const order = (more: object = {}) =>
  at.razorpay.orders.create({
    amount: 50_000,
    currency: 'INR',
    receipt: 'REG-1',
    notes: { registration: 'r1' },
    ...more,
  })

/** An order that was paid, with the id of its payment. */
async function paid(more: object = {}) {
  const { id } = await order(more)
  const outcome = at.simulator.pay({ order_id: id, outcome: 'succeeds' })
  if (!outcome.ok) throw new Error('not paid')
  return { id, response: outcome.response, payment: outcome.response['razorpay_payment_id']! }
}

test('an order is paid, captured, and proven by the SDK’s own check', async () => {
  const { id, response, payment } = await paid()
  const proof = { order_id: id, payment_id: payment }
  expect(validatePaymentVerification(proof, response['razorpay_signature']!, at.simulator.keySecret)).toBe(
    true,
  )
  expect(
    validatePaymentVerification(
      { ...proof, payment_id: 'pay_other' },
      response['razorpay_signature']!,
      at.simulator.keySecret,
    ),
  ).toBe(false)
  const events = await at.arrived()
  expect(events.map(({ event }) => event)).toEqual(['payment.authorized', 'payment.captured', 'order.paid'])
  expect(events[0]?.payload['payment']?.entity).toMatchObject({
    status: 'authorized',
    captured: false,
    fee: null,
  })
  expect(events[2]?.payload['order']?.entity).toMatchObject({
    id,
    status: 'paid',
    amount_paid: 50_000,
    notes: { registration: 'r1' },
  })
  expect(await at.razorpay.payments.fetch(payment)).toMatchObject({
    status: 'captured',
    fee: 1180,
    tax: 180,
    order_id: id,
    card: { last4: '5449' },
  })
  expect((await at.razorpay.orders.fetchPayments(id)).items).toHaveLength(1)
  expect(new Set(events.map((event) => event.id)).size).toBe(3)
})

test('a payment that failed is authorised late, and its order is paid after all', async () => {
  const { id } = await order()
  const outcome = at.simulator.pay({ order_id: id, outcome: 'late' })
  expect(outcome).toMatchObject({
    ok: false,
    error: { code: 'BAD_REQUEST_ERROR', reason: 'payment_failed', metadata: { order_id: id } },
  })
  expect(await at.types()).toEqual(['payment.failed'])
  expect(await at.razorpay.orders.fetch(id)).toMatchObject({ status: 'attempted', attempts: 1 })
  await at.simulator.advance(10 * minute)
  expect(await at.types()).toEqual(['payment.authorized', 'payment.captured', 'order.paid'])
})

test('a second payment that is authorised late goes back at once', async () => {
  const { id } = await order()
  at.simulator.pay({ order_id: id, outcome: 'late' })
  at.simulator.pay({ order_id: id, outcome: 'succeeds', method: 'upi' })
  await at.types()
  await at.simulator.advance(10 * minute)
  expect(await at.types()).toEqual(['payment.authorized', 'refund.created', 'refund.processed'])
  const { items } = await at.razorpay.orders.fetchPayments(id)
  expect(items.map(({ status }) => status).toSorted()).toEqual(['captured', 'refunded'])
  expect(() => at.simulator.pay({ order_id: id, outcome: 'succeeds' })).toThrow('already been paid')
})

test('manual capture: the exact amount, once; and what nobody captures goes back after three days', async () => {
  const first = await paid({ payment: { capture: 'manual' } })
  expect(await at.types()).toEqual(['payment.authorized'])
  expect(
    (await refusal(at.razorpay.payments.capture(first.payment, 40_000, 'INR'))).error.description,
  ).toContain('must be equal')
  expect((await at.razorpay.payments.capture(first.payment, 50_000, 'INR')).status).toBe('captured')
  expect(
    (await refusal(at.razorpay.payments.capture(first.payment, 50_000, 'INR'))).error.description,
  ).toContain('already been captured')
  const second = await paid({ payment: { capture: 'manual' } })
  await at.simulator.advance(3 * day + minute)
  expect(await at.razorpay.payments.fetch(second.payment)).toMatchObject({
    status: 'refunded',
    amount_refunded: 50_000,
  })
})

test('an authorisation after the order’s automatic period waits for a manual capture', async () => {
  const { id } = await order({
    payment: {
      capture: 'automatic',
      capture_options: { automatic_expiry_period: 12, manual_expiry_period: 7200 },
    },
  })
  await at.simulator.advance(5 * minute)
  at.simulator.pay({ order_id: id, outcome: 'late' })
  await at.simulator.advance(10 * minute)
  expect(await at.types()).toEqual(['payment.failed', 'payment.authorized'])
})

test('refunds: partial ones up to the whole, never above, and the same key once', async () => {
  const { payment } = await paid()
  await at.types()
  const first = await at.razorpay.payments.refund(payment, {
    amount: 20_000,
    notes: { why: 'late' },
    receipt: 'R-1',
  })
  expect(first).toMatchObject({ status: 'processed', amount: 20_000, notes: { why: 'late' }, receipt: 'R-1' })
  expect(await at.types()).toEqual(['refund.created', 'refund.processed'])
  expect(
    (await refusal(at.razorpay.payments.refund(payment, { amount: 30_001 }))).error.description,
  ).toContain('greater than')
  await at.razorpay.payments.refund(payment, {})
  expect(await at.razorpay.payments.fetch(payment)).toMatchObject({
    status: 'refunded',
    refund_status: 'full',
  })
  expect((await refusal(at.razorpay.payments.refund(payment, {}))).error.description).toContain(
    'fully refunded',
  )
  const { items } = (await at.razorpay.payments.fetchMultipleRefund(payment, {})) as unknown as {
    items: { amount: number }[]
  }
  expect(items.map(({ amount }) => amount)).toEqual([30_000, 20_000])
  const other = await paid()
  const send = (amount: number, key = 'refund-key-1') =>
    fetch(`${at.simulator.url}/v1/payments/${other.payment}/refund`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${at.simulator.keyId}:${at.simulator.keySecret}`)}`,
        'content-type': 'application/json',
        'x-refund-idempotency': key,
      },
      body: JSON.stringify({ amount }),
    })
  const same = [await (await send(100)).text(), await (await send(100)).text()]
  expect(same[0]).toBe(same[1])
  expect((await at.razorpay.payments.fetch(other.payment)).amount_refunded).toBe(100)
  expect((await send(200)).status).toBe(400)
  expect((await send(200, 'short')).status).toBe(400)
})

test('a refund may fail, and the money is the business’s again', async () => {
  const { payment } = await paid()
  const refund = await at.razorpay.payments.refund(payment, { amount: 1000 })
  await at.types()
  at.simulator.failRefund(refund.id)
  expect(await at.types()).toEqual(['refund.failed'])
  expect(await at.razorpay.refunds.fetch(refund.id)).toMatchObject({ status: 'failed' })
  expect(await at.razorpay.payments.fetch(payment)).toMatchObject({
    status: 'captured',
    amount_refunded: 0,
    refund_status: null,
  })
})

test('settlements and the report of what they are made of add up', async () => {
  const { id, payment } = await paid({ receipt: 'REG-9' })
  await at.razorpay.payments.refund(payment, { amount: 10_000 })
  await at.types()
  await at.simulator.advance(3 * day)
  expect(await at.types()).toContain('settlement.processed')
  const [settlement] = (await at.razorpay.settlements.all({})).items
  const settled = new Date((settlement as unknown as { created_at: number }).created_at * 1000)
  const report = (await at.razorpay.settlements.reports({
    year: settled.getUTCFullYear(),
    month: settled.getUTCMonth() + 1,
    day: settled.getUTCDate(),
  } as never)) as unknown as {
    items: {
      entity_id: string
      type: string
      credit: number
      debit: number
      settlement_id: string
      order_receipt: string
    }[]
  }
  const own = report.items.filter(({ settlement_id: of }) => of === settlement!.id)
  expect(own.find(({ entity_id }) => entity_id === payment)).toMatchObject({
    type: 'payment',
    credit: 48_820,
    order_receipt: 'REG-9',
  })
  expect(own.reduce((sum, { credit, debit }) => sum + credit - debit, 0)).toBe(settlement!.amount)
  expect((await at.razorpay.orders.fetch(id)).status).toBe('paid')
})

test('lists: by receipt, by time, in pages', async () => {
  const made = [await order({ receipt: 'LIST-1' }), await order({ receipt: 'LIST-2' })]
  const found = await at.razorpay.orders.all({ receipt: 'LIST-1' })
  expect(found).toMatchObject({ entity: 'collection', count: 1, items: [{ id: made[0]!.id }] })
  const page = await at.razorpay.orders.all({ count: 1, skip: 1 })
  expect(page.items.map(({ id }) => id)).toEqual([made[0]!.id])
  expect((await at.razorpay.payments.all({ to: start / 1000 - 1 })).items).toEqual([])
})

test('customers, payment links and disputes', async () => {
  const customer = await at.razorpay.customers.create({
    name: 'G',
    email: 'g@example.com',
    contact: '+919876543210',
  })
  expect(
    (
      await refusal(
        at.razorpay.customers.create({ name: 'G', email: 'g@example.com', contact: '+919876543210' }),
      )
    ).error.description,
  ).toContain('already exists')
  expect(
    (
      await at.razorpay.customers.create({
        email: 'g@example.com',
        contact: '+919876543210',
        fail_existing: 0,
      })
    ).id,
  ).toBe(customer.id)
  const link = await at.razorpay.paymentLink.create({
    amount: 1000,
    currency: 'INR',
    reference_id: 'L-1',
    callback_url: 'https://x.example/',
    callback_method: 'get',
  } as never)
  await at.types()
  at.simulator.pay({ order_id: (link as unknown as { order_id: string }).order_id, outcome: 'succeeds' })
  expect(await at.types()).toEqual([
    'payment.authorized',
    'payment.captured',
    'order.paid',
    'payment_link.paid',
  ])
  const back = await fetch(`${link.short_url}/back`, { redirect: 'manual' })
  const query = new URL(back.headers.get('location')!).searchParams
  const proof = {
    payment_link_id: link.id,
    payment_id: query.get('razorpay_payment_id')!,
    payment_link_reference_id: 'L-1',
    payment_link_status: 'paid',
  }
  expect(validatePaymentVerification(proof, query.get('razorpay_signature')!, at.simulator.keySecret)).toBe(
    true,
  )
  const dispute = at.simulator.dispute(proof.payment_id)
  at.simulator.closeDispute(dispute.id, 'lost')
  expect(await at.types()).toEqual(['payment.dispute.created', 'payment.dispute.lost'])
})

test('errors: wrong keys, unknown ids, fields that are missing or unknown, faults', async () => {
  const answer = await fetch(`${at.simulator.url}/v1/orders`, {
    headers: { authorization: `Basic ${btoa('a:b')}` },
  })
  expect(answer.status).toBe(401)
  expect(await refusal(at.razorpay.orders.fetch('order_none'))).toMatchObject({
    statusCode: 400,
    error: { description: 'The id provided does not exist' },
  })
  expect((await refusal(order({ amount: undefined }))).error).toMatchObject({
    field: 'amount',
    description: 'The amount field is required.',
  })
  expect((await refusal(order({ colour: 'red' }))).error.description).toContain('colour is/are not required')
  expect((await refusal(order({ amount: 99 }))).statusCode).toBe(400)
  at.simulator.faults.add({ path: '/v1/orders', status: 503 })
  expect(await refusal(order())).toMatchObject({ statusCode: 503, error: { code: 'SERVER_ERROR' } })
  at.simulator.faults.add({ method: 'POST', path: '/v1/orders', hangUp: 'after' })
  await refusal(order({ receipt: 'CRASH' }))
  expect((await at.razorpay.orders.all({ receipt: 'CRASH' })).items).toHaveLength(1)
})
