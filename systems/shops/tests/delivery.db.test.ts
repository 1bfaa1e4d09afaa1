import { type Statement, sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { addProduct, line, openShop, refusal, setStatus, useShopDatabase } from './shop-fixture.ts'

const test = useShopDatabase()
const ada = actor('ada')
const outsider = actor('outsider')
let shopId: string
let mug: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
  await openShop(test.database, outsider)
  mug = await addProduct(test.database, shopId, 'Mug', 1000)
})

const as = (statement: Statement) => test.database.asCaller(ada, statement)

const place = (
  number: string,
  status: string,
  customer: Record<string, string> = {},
  quantity = 1,
  discount = 0,
) =>
  as(sql`insert into public.form_submissions (shop_id, submission_id, status, ordered_products, discount, submitted_at, customer_name,
      customer_email, customer_phone)
    values (${shopId}, ${number}, ${status}, ${JSON.stringify([line(mug, quantity, 10)])}::jsonb, ${discount},
      ${customer['at'] ?? '2026-01-01'}, ${customer['name'] ?? null}, ${customer['email'] ?? null}, ${customer['phone'] ?? null})`)

const ship = (number: string, status: string) =>
  as(
    sql`update public.form_submissions set shipping_status = ${status} where shop_id = ${shopId} and submission_id = ${number}`,
  )

describe('a shipment', () => {
  const states = ['unshipped', 'packed', 'shipped', 'delivered', 'returned']
  const follows: Readonly<Record<string, readonly string[]>> = {
    unshipped: ['packed', 'shipped'],
    packed: ['unshipped', 'shipped'],
    shipped: ['delivered', 'returned'],
    delivered: ['returned'],
    returned: ['shipped'],
  }
  const way: Readonly<Record<string, readonly string[]>> = {
    unshipped: [],
    packed: ['packed'],
    shipped: ['shipped'],
    delivered: ['shipped', 'delivered'],
    returned: ['shipped', 'returned'],
  }

  it('goes from each state to those that follow it, and to no other', async () => {
    for (const from of states) {
      for (const to of states) {
        const number = `S-${from}-${to}`
        await place(number, 'Confirmed')
        for (const step of way[from]!) await ship(number, step)
        const allowed = from === to || follows[from]!.includes(to)
        expect(await refusal(ship(number, to)), `${from} → ${to}`).toBe(
          allowed ? 'nothing was refused' : 'invalid_shipping PT409',
        )
      }
    }
  })

  it('says when it left and arrived, which nobody writes by hand', async () => {
    await place('TIMES', 'Confirmed')
    const row = async () =>
      (
        await as(sql`select shipped_at is not null as shipped, shipped_at < '2020-01-01' as forged, delivered_at is not null as delivered
          from public.form_submissions where shop_id = ${shopId} and submission_id = 'TIMES'`)
      ).rows[0]
    await as(sql`update public.form_submissions set shipping_status = 'shipped', shipped_at = '2001-01-01', tracking_number = 'RR1',
      tracking_url = 'https://track.example/RR1', delivery_address = '{"street": "High Street 1"}'
      where shop_id = ${shopId} and submission_id = 'TIMES'`)
    expect(await row()).toEqual({ shipped: true, forged: false, delivered: false })
    await as(
      sql`update public.form_submissions set shipped_at = '2001-01-01' where shop_id = ${shopId} and submission_id = 'TIMES'`,
    )
    expect(await row()).toEqual({ shipped: true, forged: false, delivered: false })
    await ship('TIMES', 'delivered')
    expect(await row()).toEqual({ shipped: true, forged: false, delivered: true })
    await ship('TIMES', 'returned')
    expect(await row()).toEqual({ shipped: true, forged: false, delivered: false })
  })

  it('is of an order that is confirmed', async () => {
    await place('EARLY', 'Pending')
    expect(await refusal(ship('EARLY', 'packed'))).toBe('order_not_shippable PT409')
    await as(setStatus(shopId, 'EARLY', 'Confirmed'))
    expect(await refusal(ship('EARLY', 'packed'))).toBe('nothing was refused')
  })

  it.each([
    ['an address that is a text', sql`update public.form_submissions set delivery_address = '"High Street"'`],
    ['a link that is a script', sql`update public.form_submissions set tracking_url = 'javascript:alert(1)'`],
  ])('%s is refused', async (_, statement) => {
    expect(await refusal(as(statement))).toMatch(/23514$/)
  })
})

describe('customers', () => {
  const ann = { name: 'Ann', email: 'Ann@Example.test ' }
  const list = async (search: string | null = null) =>
    (
      await as(
        sql`select customer, name, orders_count::integer as orders, revenue::float from public.get_customers(${shopId}, ${search})`,
      )
    ).rows

  beforeAll(async () => {
    await place('C-1', 'Confirmed', { ...ann, at: '2026-01-02' }, 2)
    await place(
      'C-2',
      'Completed',
      { ...ann, name: 'Ann B.', email: 'ann@example.test', at: '2026-01-05' },
      1,
      3,
    )
    await place('C-3', 'Cancelled', { ...ann, at: '2026-01-04' })
    await place('C-4', 'Pending', { name: 'Ben', phone: '+44 20 7946 0958', at: '2026-01-06' })
  })

  it('are listed by their orders, who ordered last first', async () => {
    const [ben, annB] = [
      { customer: '+442079460958', name: 'Ben', orders: 1, revenue: 0 },
      { customer: 'ann@example.test', name: 'Ann B.', orders: 3, revenue: 27 },
    ]
    expect(await list()).toEqual([ben, annB])
    expect(await list('ANN')).toEqual([annB])
    expect(await list('7946')).toEqual([ben])
    expect(await list('%')).toEqual([])
  })

  it('have a history, and a next page of it', async () => {
    const page = (before: string | null) =>
      as(sql`select submission_id, total::float, lines #>> '{0,name}' as first
        from public.get_customer_orders(${shopId}, 'ann@example.test', 2, ${before})`).then(
        ({ rows }) => rows,
      )
    expect(await page(null)).toEqual([
      { submission_id: 'C-2', total: 7, first: 'Mug' },
      { submission_id: 'C-3', total: 10, first: 'Mug' },
    ])
    expect(await page('2026-01-04')).toEqual([{ submission_id: 'C-1', total: 20, first: 'Mug' }])
  })

  it('are nobody else’s', async () => {
    for (const statement of [
      sql`select * from public.get_customers(${shopId})`,
      sql`select * from public.get_customer_orders(${shopId}, 'ann@example.test')`,
    ])
      expect(await refusal(test.database.asCaller(outsider, statement))).toBe('unknown_shop PT404')
  })
})
