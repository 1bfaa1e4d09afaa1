import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { personHooks, tenantHooks } from '../data-hooks.ts'
import { paymentsOffer, refoldAll } from '../index.ts'
import { foldOrderTarget } from '../orders/fold-order-target.ts'
import { confirmManualPayment, enterManualPayment } from '../orders/manual-payments.ts'
import { keySecret, payment, refund, sign, till, tillEnvironment, webhook } from './till.ts'

const system = useSystem(till, { environment: tillEnvironment })
const payments = () => system.project.offer(paymentsOffer)
const lines = [
  { account: 'sales', kind: 'income', amount: 8_474 },
  { account: 'gst', kind: 'liability', amount: 1_525 },
] as const

const order = (reference: string) =>
  payments().createOrder({ tenant: reference, purpose: 'seat', reference, currency: 'INR', lines })

/** An order whose checkout Razorpay knows as `order_<reference>`. */
async function opened(reference: string) {
  const { id } = await order(reference)
  await system.database.asOwner(sql`
    select plinth.link_payment_objects('razorpay', array[${`order_${reference}`}], ${id})`)
  return { id, razorpay: `order_${reference}` }
}

const deliver = (input: ReturnType<typeof webhook>) => system.request('/payments/webhooks/razorpay', input)

const rowsOf = async <Row extends object>(text: ReturnType<typeof sql>) =>
  (await system.database.asOwner<Row & Record<string, unknown>>(text)).rows

const happened = async (reference: string) =>
  (
    await rowsOf<{ name: string; object: string }>(
      sql`select name, object from public.happened where reference = ${reference}`,
    )
  )
    .map(({ name, object }) => `${name} ${object}`.trim())
    .sort()

const seat = async (reference: string) =>
  (await rowsOf(sql`select status, paid from public.seats where reference = ${reference}`))[0]

const balances = async (tenant: string) =>
  Object.fromEntries(
    (
      await rowsOf<{ name: string; balance: string }>(
        sql`select name, balance from plinth.ledger_accounts where tenant = ${tenant} and balance <> 0 order by name`,
      )
    ).map(({ name, balance }) => [name, Number(balance)]),
  )

const paidBooks = { gst: -1_525, 'payment fees': 236, 'provider razorpay': 9_763, sales: -8_474 }

const codeOf = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'nothing was refused'
}

describe('a webhook', () => {
  it('is stored, answered, and leads to a paid order, the ledger and one call of each hook', async () => {
    const { razorpay } = await opened('plain')
    const events = [
      webhook('payment.authorized', {
        payment: payment({ id: 'pay_p', order: razorpay, status: 'authorized' }),
      }),
      webhook('payment.captured', { payment: payment({ id: 'pay_p', order: razorpay, status: 'captured' }) }),
    ]
    for (const event of events) expect(await deliver(event)).toMatchObject({ status: 200 })
    await system.jobs.runDue()
    expect(await seat('plain')).toEqual({ status: 'paid', paid: 1 })
    expect(await happened('plain')).toEqual(['authorised pay_p', 'captured pay_p', 'paid'])
    expect(await balances('plain')).toEqual(paidBooks)
  })

  it('that comes again, under its own id or another one, changes nothing', async () => {
    const { razorpay } = await opened('again')
    const captured = payment({ id: 'pay_a', order: razorpay, status: 'captured' })
    const first = webhook('payment.captured', { payment: captured })
    for (const event of [first, first, webhook('payment.captured', { payment: captured }), first]) {
      expect((await deliver(event)).status).toBe(200)
      await system.jobs.runDue()
    }
    expect(await happened('again')).toEqual(['captured pay_a', 'paid'])
    expect(
      await rowsOf(sql`
      select i.deliveries from plinth.payment_facts f join plinth.payment_inbox i on i.fact = f.id
      where 'pay_a' = any (f.objects)`),
    ).toEqual([{ deliveries: 4 }])
  })

  // AT-15
  it.each([
    ['another signature', (body: string) => ({ body, signature: sign(body, 'another secret') })],
    ['no signature', (body: string) => ({ body, signature: '' })],
    ['one that is cut short', (body: string) => ({ body, signature: sign(body).slice(0, 40) })],
    ['a byte more', (body: string) => ({ body: `${body} `, signature: sign(body) })],
    [
      'the same content written otherwise',
      (body: string) => ({ body: JSON.stringify(JSON.parse(body), null, 1), signature: sign(body) }),
    ],
  ])('with %s is refused, stored nowhere and counted', async (_case, forge) => {
    const counted = async () =>
      (await rowsOf<{ n: string }>(sql`select count(*) as n from plinth.payment_facts`))[0]!.n
    const before = await counted()
    const { body, headers } = webhook('payment.captured', {
      payment: payment({ id: 'pay_x', order: 'order_x', status: 'captured' }),
    })
    const forged = forge(body)
    const answer = await system.request('/payments/webhooks/razorpay', {
      method: 'POST',
      body: forged.body,
      headers: { ...headers, 'x-razorpay-signature': forged.signature },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'payment_signature_invalid' } })
    expect(await counted()).toBe(before)
    const check = system.project.health.find(({ name }) => name === 'till/payments')!
    expect(await check.check()).toMatchObject({ detail: { refused: { razorpay: expect.any(Number) } } })
  })

  it('is checked over its bytes, whatever is in them', async () => {
    const { razorpay } = await opened('bytes')
    const entity = payment({
      id: 'pay_b',
      order: razorpay,
      status: 'captured',
      more: { description: 'é 𝄞 \u2028' },
    })
    const { body, headers } = webhook('payment.captured', { payment: entity })
    const spaced = `\n${body.replaceAll(',', ' ,\t')}\n`
    const sent = {
      method: 'POST',
      body: spaced,
      headers: { ...headers, 'x-razorpay-signature': sign(spaced) },
    }
    expect((await system.request('/payments/webhooks/razorpay', sent)).status).toBe(200)
  })

  it.each([
    ['no JSON', '{'],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x7b, 0x7d])],
    ['no event', '[]'],
    [
      'no amount',
      JSON.stringify({
        event: 'payment.captured',
        created_at: 1,
        payload: { payment: { entity: { id: 'p' } } },
      }),
    ],
    [
      'half a paisa',
      JSON.stringify({
        event: 'payment.captured',
        created_at: 1,
        payload: {
          payment: { entity: payment({ id: 'pay_h', order: 'o', status: 'captured', amount: 0.5 }) },
        },
      }),
    ],
  ])('that is signed and holds %s is refused as unreadable', async (_case, body) => {
    const answer = await system.request('/payments/webhooks/razorpay', {
      method: 'POST',
      body,
      headers: { 'x-razorpay-signature': sign(body) },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'payment_event_unreadable' } })
  })

  it('of something else than payments is answered and not stored', async () => {
    const before = await rowsOf(sql`select count(*) from plinth.payment_facts`)
    expect(
      (await deliver(webhook('virtual_account.closed', { virtual_account: { id: 'va_1' } }))).status,
    ).toBe(200)
    expect(await rowsOf(sql`select count(*) from plinth.payment_facts`)).toEqual(before)
  })

  it('about objects that nobody knows waits, and is taken up when their order is known', async () => {
    const { id } = await order('late')
    const event = webhook('payment.captured', {
      payment: payment({ id: 'pay_l', order: 'order_late', status: 'captured' }),
    })
    await deliver(event)
    await system.jobs.runDue()
    expect(await seat('late')).toBeUndefined()
    // Only this event names our order: the answer to the call that made the checkout was lost.
    await deliver(
      webhook('order.paid', {
        order: {
          id: 'order_late',
          entity: 'order',
          receipt: id,
          amount: 9_999,
          currency: 'INR',
          status: 'paid',
        },
      }),
    )
    await system.jobs.runDue()
    expect(await seat('late')).toEqual({ status: 'paid', paid: 1 })
  })
})

// AT-14, through the whole way: a seeded sample of orders, each event twice.
describe('events in any order', () => {
  const story = (reference: string) => {
    const razorpay = `order_${reference}`
    const of = (status: string, more: object = {}) =>
      payment({ id: `pay_${reference}`, order: razorpay, status, more })
    const refunded = { amount_refunded: 4_000, refund_status: 'partial' }
    return [
      webhook('payment.failed', {
        payment: payment({ id: `pay_0${reference}`, order: razorpay, status: 'failed' }),
      }),
      webhook('payment.failed', { payment: of('failed') }, 1_768_478_401),
      webhook('payment.authorized', { payment: of('authorized') }, 1_768_478_402),
      webhook('payment.captured', { payment: of('captured') }, 1_768_478_403),
      webhook(
        'refund.processed',
        { refund: refund(`rfnd_${reference}`, `pay_${reference}`, 4_000), payment: of('captured', refunded) },
        1_768_478_404,
      ),
    ]
  }

  it('end in one state with each effect once, also when they are processed at the same instant', async () => {
    const { createRandom } = await import('@plinth/testing/random')
    const random = createRandom(14)
    const rounds = process.env.PLINTH_TEST_LONG ? 120 : 8
    for (let round = 0; round < rounds; round += 1) {
      const reference = `any${round}`
      await opened(reference)
      const events = story(reference)
      const shuffled = [...events, ...events]
        .map((event) => ({ event, at: random(1_000_000) }))
        .sort((a, b) => a.at - b.at)
        .map(({ event }) => event)
      if (round % 2 === 0) await Promise.all(shuffled.map(deliver))
      else
        for (const event of shuffled) {
          await deliver(event)
          await system.jobs.runDue()
        }
      await system.jobs.runDue()
      expect(await seat(reference)).toEqual({ status: 'partially_refunded', paid: 1 })
      expect(await happened(reference)).toEqual(
        [
          `authorised pay_${reference}`,
          `captured pay_${reference}`,
          `failed pay_0${reference}`,
          `failed pay_${reference}`,
          'paid',
          `refunded rfnd_${reference}`,
        ].sort(),
      )
      expect(await balances(reference)).toEqual({
        gst: -915,
        'payment fees': 236,
        'provider razorpay': 5_763,
        sales: -5_084,
      })
    }
    expect(await rowsOf(sql`select * from plinth.check_ledger(true)`)).toEqual([])
  })

  it('replayed fold to what they were', async () => {
    const before = await rowsOf(sql`select reference, name, object from public.happened order by id`)
    const books = await rowsOf(sql`select id, balance, postings from plinth.ledger_accounts order by id`)
    expect(await payments().replay({ since: new Date(0) })).toBeGreaterThan(5)
    await system.jobs.runDue()
    expect(await rowsOf(sql`select reference, name, object from public.happened order by id`)).toEqual(before)
    expect(await rowsOf(sql`select id, balance, postings from plinth.ledger_accounts order by id`)).toEqual(
      books,
    )
    expect(
      await rowsOf(sql`select from plinth.payment_inbox where processed_at is null and target is not null`),
    ).toEqual([])
  })
})

describe('all facts folded again from nothing', () => {
  it('give what is stored, and show an order that was altered', async () => {
    const { events, drifted } = await refoldAll(system.database)
    expect(events).toBeGreaterThan(20)
    expect(drifted).toEqual([])
    const [{ id }] = (await rowsOf<{ id: string }>(sql`
      update plinth.payment_orders set captured = captured + 1 where reference = 'plain' returning id`)) as [
      { id: string },
    ]
    expect((await refoldAll(system.database)).drifted).toEqual([
      { order: id, stored: 'paid 10000 0', folded: 'paid 9999 0' },
    ])
    await system.database.asOwner(
      sql`update plinth.payment_orders set captured = captured - 1 where id = ${id}`,
    )
  })
})

describe('what the client brings back', () => {
  const proof = (orderId: string, paymentId: string, secret = keySecret) => ({
    orderId,
    paymentId,
    signature: sign(`${orderId}|${paymentId}`, secret),
  })

  it('authorises, and the webhook captures; neither is needed first', async () => {
    for (const first of ['client', 'webhook']) {
      const reference = `client ${first}`
      const { razorpay } = await opened(reference)
      const captured = webhook('payment.captured', {
        payment: payment({ id: `pay_${first}`, order: razorpay, status: 'captured' }),
      })
      if (first === 'webhook') await deliver(captured)
      const { status } = await payments().verifyRazorpay(proof(razorpay, `pay_${first}`))
      expect(status).toBe(first === 'client' ? 'authorised' : 'paid')
      if (first === 'client') await deliver(captured)
      await system.jobs.runDue()
      expect(await seat(reference)).toEqual({ status: 'paid', paid: 1 })
      expect(await happened(reference)).toEqual([`authorised pay_${first}`, `captured pay_${first}`, 'paid'])
    }
  })

  it('with another signature, or for an order that nobody made, is refused', async () => {
    const { razorpay } = await opened('forged')
    const forged = payments().verifyRazorpay(proof(razorpay, 'pay_forged', 'another'))
    expect(await codeOf(forged)).toBe('payment_signature_invalid')
    expect(await codeOf(payments().verifyRazorpay(proof('order_nobody', 'pay_n')))).toBe('order_unknown')
  })
})

describe('an order', () => {
  it('is the same by its reference, and refuses another amount and lines that do not sum up', async () => {
    const first = await order('same')
    expect((await order('same')).id).toBe(first.id)
    const dearer = { tenant: 'same', purpose: 'seat', reference: 'same', currency: 'INR' }
    const twice = lines.map((line) => ({ ...line, amount: line.amount * 2 }))
    expect(await codeOf(payments().createOrder({ ...dearer, lines: twice }))).toBe('order_differs')
    const none = [
      { ...lines[0], amount: 10 },
      { ...lines[1], amount: 0 },
    ]
    expect(await codeOf(payments().createOrder({ ...dearer, reference: 'none', lines: none }))).toBe(
      'order_lines_differ',
    )
    expect(await codeOf(payments().order('nobody'))).toBe('order_unknown')
  })

  it('whose payment does not fit is not paid, and its money is nobody’s income', async () => {
    const { id, razorpay } = await opened('odd')
    const dollars = payment({ id: 'pay_usd', order: razorpay, status: 'captured', currency: 'USD' })
    const little = payment({ id: 'pay_little', order: razorpay, status: 'captured', amount: 100 })
    for (const each of [dollars, little]) await deliver(webhook('payment.captured', { payment: each }))
    await system.jobs.runDue()
    expect(await payments().order(id)).toMatchObject({
      status: 'underpaid',
      discrepancies: ['amount_differs', 'currency_differs'],
    })
    expect(await happened('odd')).toEqual(['captured pay_little', 'captured pay_usd'])
    const books = await rowsOf(sql`
      select name, currency, balance from plinth.ledger_accounts where tenant = 'odd' and name = 'received' order by currency`)
    expect(books).toEqual([
      { name: 'received', currency: 'INR', balance: '-100' },
      { name: 'received', currency: 'USD', balance: '-9999' },
    ])
  })

  it('cannot be changed in its terms or removed, also by the owner', async () => {
    const { id } = await order('terms')
    for (const change of [
      sql`update plinth.payment_orders set amount = 1 where id = ${id}`,
      sql`delete from plinth.payment_orders where id = ${id}`,
      sql`update plinth.payment_facts set events = '[]'`,
      sql`delete from plinth.payment_effects`,
      sql`truncate plinth.payment_facts cascade`,
    ])
      expect(await codeOf(system.database.asOwner(change))).toBe('23001')
  })
})

// AT-22
describe('a payment that people enter', () => {
  const [ada, bob] = [actor('ada').userId, actor('bob').userId]
  const transfer = (orderId: string, reference: string, amount = 9_999) =>
    payments().enterManual({ order: orderId, method: 'bank_transfer', reference, amount, by: ada })

  it('counts at once, and only once by its reference', async () => {
    const { id } = await order('manual')
    const { order: paid } = await transfer(id, 'TXN123456')
    expect(paid.status).toBe('paid')
    expect(await balances('manual')).toEqual({ gst: -1_525, 'provider manual': 9_999, sales: -8_474 })
    expect(await codeOf(transfer(id, 'txn123456'))).toBe('payment_reference_taken')
    const other = await order('manual 2')
    expect(await codeOf(transfer('00000000-0000-4000-8000-000000000000', 'TXN9'))).toBe('order_unknown')
    expect(other.status).toBe('open')
  })

  it('at the same instant from ten people is entered once', async () => {
    const { id } = await order('ten')
    const codes = await Promise.all(Array.from({ length: 10 }, () => codeOf(transfer(id, 'TEN'))))
    expect(codes.filter((code) => code === 'payment_reference_taken')).toHaveLength(9)
    expect(await happened('ten')).toEqual([
      expect.stringMatching(/^authorised/),
      expect.stringMatching(/^captured/),
      'paid',
    ])
  })

  it('waits for a second person where one is asked for', async () => {
    const { id } = await order('second')
    const given = { order: id, method: 'cheque', reference: 'C1', amount: 9_999, by: ada }
    const entered = await system.database.transactionAsOwner((transaction) =>
      enterManualPayment(transaction, given),
    )
    const confirm = (by: string | null) =>
      system.database.transactionAsOwner((transaction) =>
        confirmManualPayment(transaction, entered, by, { secondPerson: true }),
      )
    expect(await codeOf(confirm(ada))).toBe('second_person_required')
    expect(await codeOf(confirm(null))).toBe('second_person_required')
    expect((await payments().refresh(id)).status).toBe('authorised')
    await confirm(bob)
    expect((await payments().refresh(id)).status).toBe('paid')
  })

  it('taken back leaves every balance as if it had never been entered, and may be entered anew', async () => {
    const { id } = await order('back')
    const { id: entered } = await transfer(id, 'BACK')
    const reversed = await payments().reverseManual(entered, bob, 'the wrong order')
    expect(reversed.status).toBe('reversed')
    expect(await payments().reverseManual(entered, bob, 'again')).toMatchObject({ status: 'reversed' })
    expect(await balances('back')).toEqual({})
    expect(await codeOf(payments().confirmManual(entered, bob))).toBe('manual_payment_unknown')
    expect(await codeOf(payments().reverseManual('nothing', bob, ''))).toBe('manual_payment_unknown')
    expect((await transfer(id, 'BACK')).order.status).toBe('paid')
    expect((await happened('back')).filter((name) => name === 'paid')).toHaveLength(1)
  })
})

describe('a refund', () => {
  it('is asked for once per cause, and never for more than is left, also by callers at the same instant', async () => {
    const { id, razorpay } = await opened('refund')
    await deliver(
      webhook('payment.captured', { payment: payment({ id: 'pay_r', order: razorpay, status: 'captured' }) }),
    )
    await system.jobs.runDue()
    const ask = (cause: string, amount?: number) =>
      payments().refund(id, { cause, ...(amount === undefined ? {} : { amount }) })
    const first = await ask('cancelled', 4_000)
    expect(await ask('cancelled', 4_000)).toBe(first)
    const codes = await Promise.all(Array.from({ length: 8 }, (_, n) => codeOf(ask(`part ${n}`, 1_000))))
    expect(codes.filter((code) => code === 'refund_exceeds_payment')).toHaveLength(3)
    expect(await codeOf(ask('the rest and more', 1_000))).toBe('refund_exceeds_payment')
    await ask('the rest')
    expect(await codeOf(ask('nothing is left'))).toBe('refund_exceeds_payment')
    expect(await codeOf(payments().refund('00000000-0000-4000-8000-000000000000', { cause: 'x' }))).toBe(
      'order_unknown',
    )
    const rows = await rowsOf<{ sum: string }>(sql`
      select sum(amount) from plinth.payment_requests where target = ${id}`)
    expect(rows).toEqual([{ sum: '9999' }])
  })

  it('waits while the provider does not answer, and stays one request', async () => {
    const ran = await system.jobs.runDue()
    expect(
      ran.filter(({ job }) => job === 'call-payment-provider').every(({ error }) => error !== null),
    ).toBe(true)
    expect(await rowsOf(sql`select distinct state from plinth.payment_requests`)).toEqual([
      { state: 'waiting' },
    ])
  })
})

describe('a capture', () => {
  it('is asked for once, of what is authorised', async () => {
    const { id, razorpay } = await opened('capture')
    expect(await codeOf(payments().capture(id))).toBe('nothing_to_capture')
    const authorised = payment({ id: 'pay_c', order: razorpay, status: 'authorized' })
    await deliver(webhook('payment.authorized', { payment: authorised }))
    await system.jobs.runDue()
    const request = await payments().capture(id)
    expect(await payments().capture(id)).toBe(request)
    const given = { ...authorised, status: 'captured', captured: true }
    await deliver(webhook('payment.captured', { payment: given }, 1_768_478_450))
    await system.jobs.runDue()
    expect(await codeOf(payments().capture(id))).toBe('nothing_to_capture')
    expect(await codeOf(payments().capture('00000000-0000-4000-8000-000000000000'))).toBe('order_unknown')
  })
})

describe('a provider that does not answer', () => {
  it('fails a checkout with a code, and one that is not set up with another', async () => {
    const { id } = await order('down')
    expect(await codeOf(payments().checkout(id, 'razorpay', { title: 'A seat' }))).toBe(
      'payment_provider_failed',
    )
    expect(await codeOf(payments().checkout(id, 'paypal', { title: 'A seat' }))).toBe('payment_provider_off')
    const { id: paid } = await order('down, paid')
    await payments().enterManual({ order: paid, method: 'cash', reference: '1', amount: 9_999, by: null })
    expect(await codeOf(payments().checkout(paid, 'razorpay', { title: 'A seat' }))).toBe('order_paid')
  })
})

// AT-39
describe('a person who asks to be forgotten', () => {
  it('gets their orders, and is in none of them afterwards; the books stay', async () => {
    const person = actor('carol').userId
    const { id } = await payments().createOrder({
      tenant: 'forget',
      purpose: 'seat',
      reference: 'forget',
      person,
      currency: 'INR',
      lines,
      details: { name: 'Carol' },
    })
    await system.database.asOwner(
      sql`select plinth.link_payment_objects('razorpay', array['order_forget'], ${id})`,
    )
    const captured = payment({ id: 'pay_forget', order: 'order_forget', status: 'captured' })
    await deliver(webhook('payment.captured', { payment: captured }))
    await system.jobs.runDue()
    const files: string[] = []
    for await (const { content } of personHooks(system.database).export!(person)) files.push(String(content))
    expect(files.join()).toContain('Carol')
    const bodies = sql`
      select count(*)::int as n from plinth.payment_bodies b join plinth.payment_inbox i on i.fact = b.fact where i.target = ${id}`
    expect(await rowsOf(bodies)).toEqual([{ n: 1 }])
    await system.database.transactionAsOwner((transaction) =>
      personHooks(system.database).erase!(person, transaction),
    )
    expect(await rowsOf(bodies)).toEqual([{ n: 0 }])
    expect(
      await rowsOf(sql`select person, details, status from plinth.payment_orders where id = ${id}`),
    ).toEqual([{ person: null, details: {}, status: 'paid' }])
    expect(await balances('forget')).toEqual(paidBooks)
  })

  it('a tenant that was rewound hears of its orders again', async () => {
    await system.database.asOwner(sql`update public.seats set status = 'open' where reference = 'plain'`)
    await tenantHooks(system.database).rewound!('plain')
    await system.jobs.runDue()
    expect(await seat('plain')).toEqual({ status: 'paid', paid: 1 })
  })
})

// AT-16: whatever statement of a fold fails, nothing of it stays, and the next attempt does all of it.
describe('a fold that dies', () => {
  it('at any statement leaves nothing behind, and is done whole when it is tried again', async () => {
    const { id, razorpay } = await opened('dies')
    await deliver(
      webhook('payment.captured', {
        payment: payment({ id: 'pay_dies', order: razorpay, status: 'captured' }),
      }),
    )
    const context = { hooks: {}, clock: system.clock }
    const attempt = async (diesAt: number) => {
      let statements = 0
      await system.database.transactionAsOwner(({ query }) =>
        foldOrderTarget(
          {
            query: (statement) => {
              statements += 1
              if (statements === diesAt) throw new Error('the process died')
              return query(statement)
            },
          },
          id,
          context,
        ),
      )
      return statements
    }
    let diesAt = 1
    for (; diesAt < 50; diesAt += 1) {
      const done = await attempt(diesAt).catch(() => 0)
      if (done > 0) break
      expect(await balances('dies')).toEqual({})
      expect(await rowsOf(sql`select key from plinth.payment_effects where target = ${id}`)).toEqual([])
      expect((await payments().order(id)).status).toBe('open')
    }
    expect(diesAt).toBeGreaterThan(5)
    expect(await balances('dies')).toEqual(paidBooks)
    expect((await payments().order(id)).status).toBe('paid')
  })
})
