import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { findDrift, levelsOf, line, openShop, order, refusal, setStatus, value } from './shop-fixture.ts'

const test = useSystem(shops)
const ada = actor('ada')
const other = actor('other')
let shopId: string
let formId: string
let mug: string
let shirt: string
let small: string

const item = (name: string, columns: object) =>
  value<string>(
    test.database,
    ada,
    sql`insert into public.items (shop_id, name, retail_price, stock, promo_price, promo_start_date, promo_end_date, form_id, parent_id, variant, backorder_limit)
        select ${shopId}, ${name}, coalesce(r.retail_price, 10), r.stock, r.promo_price, r.promo_start_date, r.promo_end_date, r.form_id, r.parent_id,
          r.variant, coalesce(r.backorder_limit, 0) from jsonb_populate_record(null::public.items, ${JSON.stringify(columns)}::jsonb) r returning id`,
  )

beforeAll(async () => {
  await test.signUp(ada, other)
  shopId = await openShop(test.database, ada)
  formId = await value(
    test.database,
    ada,
    sql`insert into public.forms (shop_id, name, fields, requires_payment_proof, max_open_orders) values (${shopId}, 'Order here', ${JSON.stringify(
      [
        { key: 'how', label: 'How', type: 'select', options: ['pickup', 'courier'], required: true },
        {
          key: 'street',
          label: 'Street',
          type: 'text',
          required: true,
          showIf: { field: 'how', equals: 'courier' },
        },
      ],
    )}::jsonb, true, 50) returning id`,
  )
  mug = await item('Mug', {
    stock: 5,
    promo_price: 7.5,
    promo_start_date: new Date(Date.now() - 3_600_000),
    promo_end_date: new Date(Date.now() + 3_600_000),
    form_id: formId,
  })
  shirt = await item('Shirt', { stock: 0, form_id: formId })
  small = await item('Shirt, small', { stock: 3, parent_id: shirt, variant: { size: 'S' }, retail_price: 20 })
  await item('Not offered', { stock: 100 })
})

let keys = 0
const newKey = () => `a-key-that-a-device-made-${++keys}`

/** Node's side of a request from an address. */
function comesFrom(address: string) {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: address })
  const incoming = new IncomingMessage(socket)
  return { incoming, outgoing: new ServerResponse(incoming) }
}

/** From an address of its own, unless one is named: public routes are limited by address. */
const submit = async (body: object, address = `10.0.0.${++keys % 250}`) => {
  const request = new Request(`http://plinth.test/shops/order-forms/${formId}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: newKey(), answers: { how: 'pickup' }, ...body }),
  })
  const answer = await test.fetch(request, comesFrom(address))
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  return { status: answer.status, body: (await answer.json()) as any }
}

/** What customers waited for is over, or a while ago. */
const expireHolds = () =>
  test.database.asOwner(
    sql`update plinth.holds set expires_at = now() - interval '1 second' where kind = 'stock'`,
  )

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const sendProof = async (orderId: string, key: string, bytes = png, type = 'image/png') => {
  const form = new FormData()
  form.set('file', new File([new Uint8Array(bytes)], 'proof', { type }))
  const encoded = new Request('http://x', { method: 'POST', body: form })
  return test.request(`/order-forms/${formId}/orders/${orderId}/payment-proof`, {
    method: 'POST',
    headers: { 'x-order-key': key, 'content-type': encoded.headers.get('content-type')! },
    body: new Uint8Array(await encoded.arrayBuffer()),
  })
}

describe('a form', () => {
  it('shows a stranger its fields, what it offers at the price of this moment, and how much there is', async () => {
    const { status, body } = await test.request(`/order-forms/${formId}`)
    expect(status).toBe(200)
    expect(
      body.data.items.map(({ name, price, regular_price, available }: never) => [
        name,
        price,
        regular_price,
        available,
      ]),
    ).toEqual([
      ['Mug', 7.5, 10, 5],
      ['Shirt, small', 20, 20, 3],
    ])
    expect(body.data.form.fields).toHaveLength(2)
    const shift = (interval: string) =>
      test.database.asOwner(
        sql`update public.items set promo_end_date = now() + ${interval}::interval where id = ${mug}`,
      )
    await shift('-1 minute')
    expect((await test.request(`/order-forms/${formId}`)).body.data.items[0].price).toBe(10)
    await shift('1 hour')
    expect((await test.request(`/order-forms/${crypto.randomUUID()}`)).body.code).toBe('unknown_form')
    const rows = await test.request(`/rest/v1/items?select=name,current_price&id=eq.${mug}`, { as: ada })
    expect(rows.body).toEqual([{ name: 'Mug', current_price: 7.5 }])
  })

  it('has fields that can be filled in, or is not saved', async () => {
    const save = (fields: unknown) =>
      refusal(
        test.database.asCaller(
          ada,
          sql`insert into public.forms (shop_id, name, fields) values (${shopId}, 'x', ${JSON.stringify(fields)}::jsonb)`,
        ),
      )
    expect(await save([{ key: 'a', label: 'A', type: 'text' }])).toBe('nothing was refused')
    for (const wrong of [
      [{ key: 'a b', label: 'A', type: 'text' }],
      [{ key: 'a', label: 'A', type: 'html' }],
      [{ key: 'a', label: 'A', type: 'select' }],
      [{ key: 'a', label: 'A', type: 'text', showIf: { field: 'b', equals: 1 } }],
      [
        { key: 'a', label: 'A', type: 'text' },
        { key: 'a', label: 'A', type: 'text' },
      ],
      ['a'],
    ])
      expect(await save(wrong)).toBe('invalid_form_fields PT422')
  })
})

describe('an order by form, without an account', () => {
  it('costs what the form says, whatever the customer sends, and holds its units for the form’s minutes', async () => {
    const { status, body } = await submit({
      items: [{ id: mug, quantity: 2, price: 0 }],
      customer: { name: 'Cleo', phone: '+49 1' + '23' },
    })
    expect(status, JSON.stringify(body)).toBe(200)
    expect(body.data).toMatchObject({
      status: 'Pending',
      total: 15,
      currency: 'USD',
      lines: [{ name: 'Mug', quantity: 2, unit_price: 7.5 }],
    })
    expect(await levelsOf(test.database, shopId, [mug])).toEqual([{ stock: 5, held: 2, available: 3 }])
    expect((await submit({ items: [{ id: mug, quantity: 4 }] })).body).toMatchObject({
      code: 'insufficient_stock',
    })
    await expireHolds()
    const other = await submit({ items: [{ id: mug, quantity: 5 }] })
    expect(other.status).toBe(200)
    await test.database.asCaller(ada, setStatus(shopId, other.body.data.submission_id, 'Cancelled'))
    await test.database.asCaller(ada, setStatus(shopId, body.data.submission_id, 'Cancelled'))
  })

  it('is one order however often its key comes, at once or later (AT-42)', async () => {
    const wish = { key: newKey(), items: [{ id: mug, quantity: 1 }] }
    const answers = await Promise.all([1, 2, 3, 4].map(() => submit(wish)))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    const { id } = answers[0]!.body.data
    const look = (key: string) =>
      test.request(`/order-forms/${formId}/orders/${id}`, { headers: { 'x-order-key': key } })
    expect((await look(wish.key)).body.data.id).toBe(id)
    expect((await look(newKey())).body.code).toBe('unknown_order')
    expect((await look('')).body.code).toBe('unknown_order')
    await test.database.asCaller(ada, setStatus(shopId, answers[0]!.body.data.submission_id, 'Cancelled'))
  })

  it.each([
    ['answers that the form does not take', { answers: { how: 'courier' } }, 'invalid_answers'],
    [
      'an item that the form does not offer',
      { items: [{ id: crypto.randomUUID(), quantity: 1 }] },
      'item_not_offered',
    ],
    ['a payment method of another shop', { paymentMethodId: crypto.randomUUID() }, 'unknown_payment_method'],
    ['a coupon that is none', { couponCode: 'FREE' }, 'coupon_refused'],
    ['no items', { items: [] }, 'invalid_input'],
  ])('is refused with %s', async (_, more, code) => {
    expect((await submit({ items: [{ id: mug, quantity: 1 }], ...more })).body.code).toBe(code)
    expect(await levelsOf(test.database, shopId, [mug])).toMatchObject([{ held: 0 }])
  })

  it('is limited by address, and by open orders of the form', async () => {
    await test.database.asOwner(sql`update public.forms set max_open_orders = 1 where id = ${formId}`)
    const first = await submit({ items: [{ id: small, quantity: 1 }] })
    expect((await submit({ items: [{ id: small, quantity: 1 }] })).body.code).toBe('too_many_open_orders')
    await test.database.asCaller(ada, setStatus(shopId, first.body.data.submission_id, 'Cancelled'))
    await test.database.asOwner(sql`update public.forms set max_open_orders = 50 where id = ${formId}`)
    const statuses: number[] = []
    for (let times = 0; times < 14; times++) statuses.push((await submit({ items: [] }, '192.0.2.1')).status)
    expect(statuses).toContain(429)
  })
})

describe('a payment proof', () => {
  it('is a picture in the shop’s own folder, waits for review, and confirms the order when it is accepted', async () => {
    const key = newKey()
    const { data } = (await submit({ key, items: [{ id: mug, quantity: 2 }] })).body
    const sent = await sendProof(data.id, key)
    expect(sent.body.data?.payment_proofs, JSON.stringify(sent.body)).toMatchObject([{ state: 'pending' }])
    // Whoever may have paid keeps the units for the shop's time, three days, beyond the form's minutes.
    const until = sql`select min(expires_at) > now() + interval '2 days' from plinth.holds where thing = ${mug} and expires_at > now()`
    expect(await value(test.database, null, until)).toBe(true)
    const [proof] = (await test.request('/rest/v1/payment_proofs?state=eq.pending', { as: ada })).body
    expect(proof.path.startsWith(`${shopId}/${data.id}/`)).toBe(true)
    const open = (as: typeof ada) =>
      test.request(`/storage/v1/object/authenticated/payment-proofs/${proof.path}`, { as })
    expect([(await open(ada)).status, (await open(other)).status]).toEqual([200, 404])
    const review = (as: typeof ada, accept: boolean) =>
      test.database.asCaller(as, sql`select public.review_payment_proof(${proof.id}, ${accept}, 'Thank you')`)
    expect(await refusal(review(other, true))).toBe('unknown_proof PT404')
    await review(ada, true)
    expect(await refusal(review(ada, true))).toBe('proof_reviewed PT409')
    expect(await levelsOf(test.database, shopId, [mug])).toEqual([{ stock: 3, held: 0, available: 3 }])
    expect((await sendProof(data.id, key)).body.code).toBe('order_closed')
    expect((await sendProof(data.id, newKey())).body.code).toBe('unknown_order')
  })

  it('is nothing else than a picture or a PDF, and five of an order at the most', async () => {
    const key = newKey()
    const { data } = (await submit({ key, items: [{ id: small, quantity: 1 }] })).body
    expect(
      (await sendProof(data.id, key, Buffer.from('<html><script>'), 'image/png')).status,
    ).toBeGreaterThanOrEqual(400)
    const statuses: number[] = []
    for (let times = 0; times < 5; times++) statuses.push((await sendProof(data.id, key)).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200])
    expect((await sendProof(data.id, key)).body.code).toBe('too_many_proofs')
    await test.database.asCaller(ada, setStatus(shopId, data.submission_id, 'Cancelled'))
  })
})

describe('coupons', () => {
  const coupon = (code: string, columns: object) =>
    test.request('/rest/v1/coupons', { method: 'POST', as: ada, body: { shop_id: shopId, code, ...columns } })
  const place = (number: string, code: string, units: number, more = {}) =>
    refusal(
      test.database.asCaller(
        ada,
        sql`insert into public.form_submissions (shop_id, submission_id, coupon_code, ordered_products, customer_email)
            values (${shopId}, ${number}, ${code}, ${JSON.stringify([line(small, units, 19.99)])}::jsonb, ${(more as { email?: string }).email ?? null})`,
      ),
    )
  const discountOf = (number: string) =>
    value<string>(
      test.database,
      ada,
      sql`select discount::text from public.form_submissions where submission_id = ${number}`,
    )

  it('take off what they say, rounded once, whatever discount a client writes', async () => {
    expect((await coupon('TENTH', { kind: 'percent', value: 10 })).status).toBe(201)
    expect(await place('C-1', 'tenth', 1)).toBe('nothing was refused')
    expect(await discountOf('C-1')).toBe('2.00')
    await test.database.asCaller(
      ada,
      sql`update public.form_submissions set discount = 19 where submission_id = 'C-1'`,
    )
    expect(await discountOf('C-1')).toBe('2.00')
    await test.database.asCaller(
      ada,
      sql`update public.form_submissions set ordered_products = ${JSON.stringify([line(small, 2, 19.99)])}::jsonb where submission_id = 'C-1'`,
    )
    expect(await discountOf('C-1')).toBe('4.00')
    expect(
      await refusal(
        test.database.asCaller(
          ada,
          sql`update public.form_submissions set coupon_code = null where submission_id = 'C-1'`,
        ),
      ),
    ).toBe('order_identity_fixed PT422')
    await test.database.asCaller(ada, setStatus(shopId, 'C-1', 'Cancelled'))
    const check = sql`select public.check_coupon(${shopId}, 'tenth', 50) as answer`
    expect(await value(test.database, ada, check)).toEqual({ code: 'TENTH', discount: 5 })
  })

  it('are used as often as they may be, by parallel orders too, and a cancelled order is no use', async () => {
    await coupon('ONCE', { kind: 'amount', value: 500, max_uses: 1 })
    const outcomes = await Promise.all([1, 2, 3].map((n) => place(`O-${n}`, 'ONCE', 1)))
    expect(outcomes.sort()).toEqual(['coupon_refused PT422', 'coupon_refused PT422', 'nothing was refused'])
    const [used] = (
      await test.database.asOwner<{ number: string }>(
        sql`select submission_id as number from public.form_submissions where coupon_code = 'ONCE'`,
      )
    ).rows
    expect(await discountOf(used!.number)).toBe('19.99')
    await test.database.asCaller(ada, setStatus(shopId, used!.number, 'Cancelled'))
    expect(await place('O-9', 'ONCE', 1)).toBe('nothing was refused')
    // Coming back, the first order finds its coupon used up.
    expect(await refusal(test.database.asCaller(ada, setStatus(shopId, used!.number, 'Pending')))).toBe(
      'coupon_refused PT422',
    )
    await test.database.asCaller(ada, setStatus(shopId, 'O-9', 'Cancelled'))
  })

  it('may be for one customer once, for a window, and for a least total', async () => {
    await coupon('HELLO', { kind: 'percent', value: 5, max_uses_per_customer: 1 })
    expect(await place('H-0', 'HELLO', 1)).toBe('coupon_refused PT422')
    expect(await place('H-1', 'HELLO', 1, { email: 'cleo@example.test' })).toBe('nothing was refused')
    expect(await place('H-2', 'HELLO', 1, { email: 'CLEO@example.test' })).toBe('coupon_refused PT422')
    await coupon('LATER', { kind: 'percent', value: 5, starts_at: '2027-01-01' })
    expect(await place('L-1', 'LATER', 1)).toBe('coupon_refused PT422')
    await coupon('MUCH', { kind: 'percent', value: 5, min_total: 100 })
    expect(await place('M-1', 'MUCH', 1)).toBe('coupon_refused PT422')
    expect(
      await value(test.database, ada, sql`select public.check_coupon(${shopId}, 'MUCH', 50) as answer`),
    ).toBeNull()
    await test.database.asCaller(ada, setStatus(shopId, 'H-1', 'Cancelled'))
  })
})

describe('variants', () => {
  it('are sold in place of their parent, have one level, and cannot be of another shop', async () => {
    expect(await refusal(test.database.asCaller(ada, order(shopId, 'V-1', [line(shirt, 1)])))).toBe(
      'invalid_order_lines PT422',
    )
    expect(await refusal(test.database.asCaller(ada, order(shopId, 'V-2', [line(small, 1)])))).toBe(
      'nothing was refused',
    )
    await test.database.asCaller(ada, setStatus(shopId, 'V-2', 'Cancelled'))
    expect(await refusal(item('Deeper', { parent_id: small, variant: { a: 1 } }))).toBe(
      'invalid_variant PT422',
    )
    expect(await refusal(item('Twin', { parent_id: shirt, variant: { size: 'S' } }))).toMatch(/23505$/)
    expect(await refusal(item('Lost', { parent_id: crypto.randomUUID(), variant: { a: 1 } }))).toMatch(
      /23503$|PT422$/,
    )
    const last = await item('Shirt, large', { parent_id: shirt, variant: { size: 'L' }, stock: 1 })
    await test.database.asCaller(ada, sql`delete from public.items where id = ${last}`)
    const flags = await value(
      test.database,
      ada,
      sql`select jsonb_object_agg(name, has_variants) from public.items where name like 'Shirt%'`,
    )
    expect(flags).toEqual({ Shirt: true, 'Shirt, small': false })
  })
})

describe('units beyond the shelf', () => {
  it('are sold as far as the item allows, and the ledger says so (S-B4)', async () => {
    const lamp = await item('Lamp', { stock: 1, backorder_limit: 2 })
    expect(
      await refusal(test.database.asCaller(ada, order(shopId, 'B-1', [line(lamp, 4)], 'Confirmed'))),
    ).toBe('insufficient_stock PT409')
    await test.database.asCaller(ada, order(shopId, 'B-2', [line(lamp, 3)], 'Confirmed'))
    expect(await levelsOf(test.database, shopId, [lamp])).toEqual([{ stock: -2, held: 0, available: 0 }])
    const limit = (units: number) =>
      test.database.asCaller(ada, sql`update public.items set backorder_limit = ${units} where id = ${lamp}`)
    expect(await refusal(limit(1))).not.toBe('nothing was refused')
    await limit(5)
    expect(await levelsOf(test.database, shopId, [lamp])).toMatchObject([{ available: 3 }])
    await test.database.asCaller(ada, setStatus(shopId, 'B-2', 'Cancelled'))
    expect(await levelsOf(test.database, shopId, [lamp])).toEqual([{ stock: 1, held: 0, available: 6 }])
    await limit(0)
    expect(await findDrift(test.database)).toEqual([])
  })
})

describe('a stock list', () => {
  const act = async (body: object) =>
    (await test.call('inventory-operations', { shopId, ...body }, { as: ada })).body

  it('goes out as CSV and comes back: first without writing, then all or none', async () => {
    const { csv } = (await act({ action: 'export_stock' })).data
    const changed = csv.replace(
      /^(.*,Mug,.*),(\d+),(\d+)\r$/m,
      (_: string, start: string, stock: string, expected: string) =>
        `${start},${Number(stock) + 4},${expected}\r`,
    )
    const dry = await act({ action: 'import_stock', csv: changed })
    expect(dry.data?.changes, JSON.stringify(dry)).toMatchObject([{ item_id: mug, change: 4 }])
    const before = await levelsOf(test.database, shopId, [mug])
    const done = await act({ action: 'import_stock', csv: changed, dryRun: false })
    expect(done.data).toEqual(dry.data)
    expect((await levelsOf(test.database, shopId, [mug]))[0]!.stock).toBe(before[0]!.stock + 4)
    expect(await act({ action: 'import_stock', csv: changed, dryRun: false })).toMatchObject({
      code: 'stock_changed',
    })
    expect(await act({ action: 'import_stock', csv: 'sku,stock\nnone,1\n' })).toMatchObject({
      code: 'invalid_counts',
    })
    expect(await act({ action: 'import_stock', csv: 'a' })).toMatchObject({ code: 'invalid_csv' })
    const kind = sql`select kind from public.stock_history where item_id = ${mug} order by seq desc limit 1`
    expect(await value(test.database, ada, kind)).toBe('import')
    expect(await findDrift(test.database)).toEqual([])
  })
})
