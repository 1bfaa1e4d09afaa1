import { createHmac } from 'node:crypto'
import { sql } from '@plinth/platform/database'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  admin,
  codeOf,
  makeEvent,
  oneOf,
  type Person,
  people,
  register,
  rowsOf,
  rpc,
  teacher,
  useSchool,
  webhookPath,
  webhookSecret,
} from './open-courses.ts'

const school = useSchool()
let crowd: Person[]
let next = 0
/** Somebody who was in no test before. */
const somebody = () => {
  next += 1
  return crowd[next - 1]!
}

beforeAll(async () => {
  crowd = await people(school.system, 'payer', 60)
})

const begin = (registrationId: string, as: Person, deviceId?: string) =>
  school.system.call('create-payment-order', { registrationId, deviceId }, { as })

/** Registers and opens Razorpay's window. */
async function order(event: string, person: Person, more: object = {}) {
  const { registration_id } = await register(school.system, event, person, more)
  const opened = await begin(registration_id, person)
  expect(opened.status).toBe(200)
  return {
    registration: registration_id,
    orderId: opened.body.orderId as string,
    amount: opened.body.amount as number,
  }
}

/** Everything that Razorpay has to tell has arrived, and what follows from it is done. */
async function settle() {
  for (let round = 0; round < 3; round += 1) {
    await school.razorpay.webhooks.settled()
    await school.system.jobs.runDue()
  }
}

const stateOf = async (registration: string) =>
  (
    await rowsOf<{
      payment_status: string
      seated: boolean
      cancelled: boolean
      status: string
      refunded_amount: string
      invoice_number: string | null
    }>(
      school.system,
      sql`select r.payment_status, r.seated_at is not null as seated, r.cancelled_at is not null as cancelled, t.status, t.refunded_amount,
            r.invoice_number
          from public.registrations r join public.payment_transactions t on t.registration_id = r.id where r.id = ${registration}`,
    )
  )[0]!

const told = (person: Person, template: string) =>
  oneOf<number>(
    school.system,
    sql`select count(*)::int as answer from public.notifications_queue where user_id = ${person.userId} and template = ${template} and type = 'email'`,
  )

const sign = (text: string) => createHmac('sha256', webhookSecret).update(text).digest('hex')
const send = (text: string, signature?: string) =>
  school.system.request(webhookPath, {
    method: 'POST',
    body: text,
    headers: {
      'content-type': 'application/json',
      ...(signature ? { 'x-razorpay-signature': signature } : {}),
    },
  })

const confirm = (response: object, as: Person) => school.system.call('confirm-payment', response, { as })

function pay(orderId: string, outcome: 'succeeds' | 'fails' | 'late' = 'succeeds') {
  return school.razorpay.pay({ order_id: orderId, outcome })
}

describe('razorpay-webhook (C-F1)', () => {
  it('pays a registration once, whatever order and how often it comes: seat, invoice, messages, log (C-O7, AT-14)', async () => {
    const person = somebody()
    await school.system.database.asOwner(
      sql`update public.profiles set full_name = 'Ada Lovelace', billing_state = 'Kerala' where id = ${person.userId}`,
    )
    const event = await makeEvent(school.system, { price: 1180 })
    const { registration, orderId, amount } = await order(event, person)
    expect(amount).toBe(118_000)
    school.razorpay.webhooks.setRules({ times: 3, shuffle: true })
    const paid = pay(orderId)
    expect(paid.ok).toBe(true)
    if (!paid.ok) return
    const confirmed = await confirm(paid.response, person)
    expect(confirmed.body).toMatchObject({
      success: true,
      registration: { payment_status: 'completed', seated: true },
    })
    await settle()
    school.razorpay.webhooks.setRules({})
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'completed',
      seated: true,
      status: 'success',
      invoice_number: expect.stringMatching(/^INV-\d{4}-\d{6}$/),
    })
    expect(await told(person, 'registration-confirmed')).toBe(1)
    const invoice = await rpc(school.system, 'invoices_of', { p_registration_id: registration }, person)
    expect(invoice.body).toMatchObject([
      {
        kind: 'invoice',
        content: {
          buyer: { name: 'Ada Lovelace', state: 'Kerala' },
          net: 100_000,
          total: 118_000,
          taxes: [{ name: 'IGST', amount: 18_000 }],
        },
      },
    ])
    expect(
      codeOf((await rpc(school.system, 'invoices_of', { p_registration_id: registration }, crowd[50]!)).body),
    ).toBe('registration_not_found')
    const logs = await rowsOf<{ event_type: string; status: string; deliveries: number; body: boolean }>(
      school.system,
      sql`select event_type, status, deliveries, payload #>> '{payload,payment,entity,order_id}' = ${orderId} as body
          from public.webhook_logs where payload #>> '{payload,payment,entity,order_id}' = ${orderId} order by event_type`,
    )
    expect(logs.map(({ event_type }) => event_type)).toEqual(
      expect.arrayContaining(['payment.authorized', 'payment.captured']),
    )
    expect(
      logs.every(({ status, deliveries, body }) => status === 'processed' && deliveries === 3 && body),
    ).toBe(true)
    const seconds = await oneOf<string>(
      school.system,
      sql`select webhook_seconds as answer from private.course_figures()`,
    )
    expect(Number(seconds)).toBeGreaterThanOrEqual(0)
  })

  it('takes nothing whose signature does not fit, to the byte, and stores none of it (AT-15)', async () => {
    const body = '{"event":"payment.captured","created_at":1,"payload":{"x":"\\u00fc ü"}}'
    const before = await oneOf<number>(
      school.system,
      sql`select count(*)::int as answer from public.webhook_logs`,
    )
    for (const signature of [
      undefined,
      '',
      'zz',
      sign(`${body} `),
      sign(body).slice(0, 60),
      sign(JSON.stringify(JSON.parse(body))),
    ])
      expect(await send(body, signature)).toMatchObject({
        status: 400,
        body: { code: 'payment_signature_invalid' },
      })
    expect(
      await oneOf<number>(school.system, sql`select count(*)::int as answer from public.webhook_logs`),
    ).toBe(before)
    const settled =
      '{"event":"settlement.processed","created_at":5,"payload":{"settlement":{"entity":{"note":"a\\u0000b"}}}}'
    expect(await send(settled, sign(settled))).toMatchObject({ status: 200, body: { received: true } })
    const [log] = await rowsOf(
      school.system,
      sql`select event_type, status from public.webhook_logs where event_type = 'settlement.processed'`,
    )
    expect(log).toEqual({ event_type: 'settlement.processed', status: 'processed' })
  })

  it('a failure is told with its reason, and never takes back what was paid; a late authorisation counts', async () => {
    const person = somebody()
    const { registration, orderId } = await order(await makeEvent(school.system, { price: 500 }), person)
    pay(orderId, 'fails')
    await settle()
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'failed',
      status: 'failed',
      seated: false,
    })
    expect(await told(person, 'payment-failed')).toBe(1)
    const error = await oneOf<object>(
      school.system,
      sql`select metadata -> 'last_error' as answer from public.payment_transactions where registration_id = ${registration}`,
    )
    expect(error).toMatchObject({ description: expect.any(String) })
    pay(orderId, 'late')
    school.system.clock.advance(700_000)
    await school.razorpay.advance(0)
    await settle()
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'completed',
      status: 'success',
      seated: true,
    })
    school.razorpay.webhooks.setRules({ times: 2, shuffle: true })
    await settle()
    school.razorpay.webhooks.setRules({})
    expect(await stateOf(registration)).toMatchObject({ payment_status: 'completed', status: 'success' })
  })
})

describe('paying', () => {
  it('is for whose registration it is, while there is something to pay', async () => {
    const [person, thief] = [somebody(), somebody()]
    const event = await makeEvent(school.system, { price: 500 })
    const { registration_id } = await register(school.system, event, person)
    expect(await begin(registration_id, thief)).toMatchObject({
      status: 404,
      body: { code: 'registration_not_found' },
    })
    const { orderId } = (await begin(registration_id, person)).body
    expect((await begin(registration_id, person)).body.orderId).toBe(orderId)
    const paid = pay(orderId)
    if (!paid.ok) throw new Error('the payment failed')
    expect(await confirm(paid.response, thief)).toMatchObject({
      status: 404,
      body: { code: 'payment_not_found' },
    })
    expect(await confirm({ ...paid.response, razorpay_signature: 'f'.repeat(64) }, person)).toMatchObject({
      status: 400,
      body: { code: 'payment_signature_invalid' },
    })
    expect(await confirm(paid.response, person)).toMatchObject({ status: 200 })
    expect(await begin(registration_id, person)).toMatchObject({
      status: 409,
      body: { code: 'nothing_to_pay' },
    })
    const free = await register(school.system, await makeEvent(school.system), person)
    expect(await begin(free.registration_id, person)).toMatchObject({ body: { code: 'nothing_to_pay' } })
    await settle()
  })

  it('goes back by itself when the seat is gone, and when it was paid twice (AT-8)', async () => {
    const [late, quick, twice] = [somebody(), somebody(), somebody()]
    const event = await makeEvent(school.system, { price: 500, seats: 1 })
    const { registration, orderId } = await order(event, late)
    await school.system.database.asOwner(
      sql`update plinth.holds set expires_at = now() - interval '1 second' where kind = 'seat' and thing = ${event}`,
    )
    const winner = await order(event, quick)
    pay(orderId)
    pay(winner.orderId)
    await settle()
    await settle()
    expect(await stateOf(winner.registration)).toMatchObject({ payment_status: 'completed', seated: true })
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'refunded',
      status: 'refunded',
      refunded_amount: '500.00',
      seated: false,
      invoice_number: null,
    })
    expect(await told(late, 'payment-returned')).toBe(1)

    // Razorpay takes one payment of an order; where two were captured all the same, the second one goes back.
    const double = await order(await makeEvent(school.system, { price: 500 }), twice)
    pay(double.orderId)
    await settle()
    const payment = {
      id: 'pay_second',
      order_id: double.orderId,
      amount: 50_000,
      currency: 'INR',
      status: 'captured',
      captured: true,
    }
    const body = JSON.stringify({
      event: 'payment.captured',
      created_at: 1_800_000_000,
      payload: { payment: { entity: payment } },
    })
    expect((await send(body, sign(body))).status).toBe(200)
    await settle()
    expect(await stateOf(double.registration)).toMatchObject({
      payment_status: 'completed',
      seated: true,
      status: 'success',
    })
    const asked = await rowsOf(
      school.system,
      sql`select r.cause, r.amount::int from plinth.payment_requests r join plinth.payment_orders o on o.id = r.target
          where o.reference = ${double.registration}`,
    )
    expect(asked).toEqual([{ cause: 'paid twice', amount: 50_000 }])
  })

  it('is given back in part by an administrator, and in full when the seat is given up in time', async () => {
    const person = somebody()
    const event = await makeEvent(school.system, { price: 1180 })
    const { registration, orderId } = await order(event, person)
    pay(orderId)
    await settle()
    const refund = (amount: number | undefined, as: Person, refundId: string) =>
      school.system.call(
        'refund-payment',
        { registrationId: registration, refundId, amount, reason: 'goodwill' },
        { as },
      )
    const first = '00000000-0000-4000-8000-000000000011'
    expect(await refund(180, teacher, first)).toMatchObject({ status: 403 })
    expect((await refund(180, admin, first)).status).toBe(200)
    expect((await refund(180, admin, first)).status).toBe(200)
    await settle()
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'completed',
      status: 'success',
      refunded_amount: '180.00',
    })
    expect(await refund(1001, admin, '00000000-0000-4000-8000-000000000012')).toMatchObject({
      status: 409,
      body: { code: 'refund_exceeds_payment' },
    })
    const cancelled = await rpc(
      school.system,
      'cancel_registration',
      { p_registration_id: registration },
      person,
    )
    expect(cancelled.body).toMatchObject({ seated: false })
    await settle()
    expect(await stateOf(registration)).toMatchObject({
      payment_status: 'refunded',
      status: 'refunded',
      refunded_amount: '1180.00',
    })
    const documents = await rpc(school.system, 'invoices_of', { p_registration_id: registration }, person)
    expect(
      documents.body.map(({ kind, content }: { kind: string; content: { total: number } }) => [
        kind,
        content.total,
      ]),
    ).toEqual([
      ['invoice', 118_000],
      ['credit-note', 18_000],
      ['credit-note', 100_000],
    ])
    expect((await register(school.system, event, person)).payment_status).toBe('pending')
  })

  it('of a cancelled event all goes back to all, once, and nobody is seated any more', async () => {
    const [one, two, unpaid, late] = [somebody(), somebody(), somebody(), somebody()]
    const event = await makeEvent(school.system, { price: 500 })
    const paid = [await order(event, one), await order(event, two)]
    const open = await order(event, unpaid)
    const slow = await order(event, late)
    for (const { orderId } of paid) pay(orderId)
    await settle()
    expect(
      (await rpc(school.system, 'cancel_event', { p_event_id: event, p_reason: 'ill' }, teacher)).status,
    ).toBe(200)
    pay(slow.orderId)
    await settle()
    await settle()
    for (const { registration } of paid)
      expect(await stateOf(registration)).toMatchObject({
        payment_status: 'refunded',
        status: 'refunded',
        cancelled: true,
      })
    expect(await stateOf(open.registration)).toMatchObject({ payment_status: 'failed', cancelled: true })
    expect(await stateOf(slow.registration)).toMatchObject({ payment_status: 'refunded', seated: false })
    expect(await told(one, 'registration-cancelled')).toBe(1)
    const [mail] = await rowsOf<{ calendar: object }>(
      school.system,
      sql`select metadata -> 'calendar' as calendar from public.notifications_queue
          where template = 'registration-cancelled' and type = 'email' and user_id = ${one.userId}`,
    )
    expect(mail!.calendar).toMatchObject({
      uid: `registration-${paid[0]!.registration}@courses`,
      cancelled: true,
      sequence: 2,
    })
    const balance = await oneOf<string>(
      school.system,
      sql`select coalesce(sum(m.amount), 0) as answer from (
            select captured - refunded as amount from plinth.payment_orders where details ->> 'event_id' = ${event}) m`,
    )
    expect(Number(balance)).toBe(0)
  })

  it('and giving the seat up at the same instant end in the money back and a free seat, whichever is first', async () => {
    const event = await makeEvent(school.system, { price: 500, seats: 4 })
    const persons = Array.from({ length: 4 }, somebody)
    const orders = await Promise.all(persons.map((person) => order(event, person)))
    for (const { orderId } of orders) pay(orderId)
    await Promise.all([
      ...orders.map(({ registration }, index) =>
        rpc(school.system, 'cancel_registration', { p_registration_id: registration }, persons[index]!),
      ),
      settle(),
    ])
    await settle()
    await settle()
    for (const { registration } of orders)
      expect(await stateOf(registration)).toMatchObject({
        payment_status: 'refunded',
        status: 'refunded',
        cancelled: true,
      })
    const [pool] = await rowsOf(
      school.system,
      sql`select used::int, held::int from plinth.pools where kind = 'seat' and thing = ${event}`,
    )
    expect(pool).toEqual({ used: 0, held: 0 })
  })

  it('from many places at once is flagged for review, and seen by administrators only (C-O4)', async () => {
    const event = await makeEvent(school.system, { price: 500, seats: 30 })
    for (let index = 0; index < 4; index += 1) {
      const person = somebody()
      const { registration_id } = await register(school.system, event, person)
      expect((await begin(registration_id, person, 'one phone')).status).toBe(200)
    }
    const busy = somebody()
    const { registration_id } = await register(school.system, event, busy)
    for (let attempt = 0; attempt < 6; attempt += 1) await begin(registration_id, busy)
    const flags = await school.system.request('/rest/v1/payment_flags?select=rule,facts,registration_id', {
      as: admin,
    })
    expect(flags.body.map(({ rule }: { rule: string }) => rule)).toEqual(
      expect.arrayContaining(['many_users_of_device', 'many_attempts']),
    )
    expect((await school.system.request('/rest/v1/payment_flags', { as: busy })).body).toEqual([])
    expect((await school.system.request('/rest/v1/payment_attempts', { as: busy })).body).toEqual([])
  })
})

describe('reconciliation (C-J4)', () => {
  it('finds payments whose webhooks were all lost, and mends rows that differ', async () => {
    const person = somebody()
    const { registration, orderId } = await order(await makeEvent(school.system, { price: 500 }), person)
    school.razorpay.webhooks.setRules({ drop: ['*'] })
    pay(orderId)
    await settle()
    school.razorpay.webhooks.setRules({})
    expect(await stateOf(registration)).toMatchObject({ payment_status: 'pending' })
    school.system.clock.advance(86_400_000)
    const call = (method: string, as: Person | 'service') =>
      school.system.request('/functions/v1/payment-reconciliation', {
        method,
        as,
        ...(method === 'POST' ? { body: {} } : {}),
      })
    expect((await call('POST', person)).status).toBe(403)
    expect((await call('POST', admin)).body).toMatchObject({ success: true, queued: true })
    await school.system.jobs.runDue()
    await settle()
    expect(await stateOf(registration)).toMatchObject({ payment_status: 'completed', status: 'success' })
    const list = await call('GET', admin)
    expect(list.body.differences).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          problem: 'missed_here',
          registration_id: registration,
          mended_at: expect.any(String),
        }),
      ]),
    )
    await school.system.database.asOwner(
      sql`update public.payment_transactions set status = 'failed' where registration_id = ${registration}`,
    )
    await school.system.jobs.run('payment-reconciliation')
    await settle()
    expect(await stateOf(registration)).toMatchObject({ status: 'success' })
  })
})
