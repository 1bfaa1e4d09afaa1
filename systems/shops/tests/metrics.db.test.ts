import { type Caller, sql } from '@plinth/platform/database'
import { actor, service, stranger } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { line, openShop, refusal, value } from './shop-fixture.ts'

const test = useSystem(shops)
const ada = actor('ada')
const agent = actor('agent')
const rival = actor('rival')

beforeAll(() => test.signUp(ada, agent, rival))

const query = (text: string, values: unknown[] = [], caller: Caller | null = null) =>
  caller ? test.database.asCaller(caller, { text, values }) : test.database.asOwner({ text, values })

async function newShop(settings: Readonly<Record<string, unknown>> = {}) {
  const shopId = await openShop(test.database, ada)
  for (const [column, to] of Object.entries(settings)) {
    await query(`update public.shops set ${column} = $2 where id = $1`, [shopId, to])
  }
  await query(`insert into public.team_members (shop_id, user_id, role) values ($1, $2, 'Support Agent')`, [
    shopId,
    agent.userId,
  ])
  return shopId
}

const addItem = (shopId: string, name: string, cost: number | null, category: string | null = null) =>
  value<string>(
    test.database,
    null,
    sql`insert into public.items (shop_id, name, retail_price, original_price, category, stock)
        values (${shopId}, ${name}, 10, ${cost}, ${category}, 1000) returning id`,
  )

interface Placed {
  readonly status?: string
  readonly at?: string
  readonly discount?: number
}

const place = (shopId: string, number: string, lines: unknown, placed: Placed = {}) =>
  query(
    `insert into public.form_submissions (shop_id, submission_id, status, ordered_products, submitted_at, discount)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      shopId,
      number,
      placed.status ?? 'Completed',
      JSON.stringify(lines),
      placed.at ?? '2026-03-10T12:00:00Z',
      placed.discount ?? 0,
    ],
  )

const returnAt = async (shopId: string, number: string, at: string) => {
  await test.database.transactionAsOwner(async ({ query: ask }) => {
    await ask(sql`select set_config('plinth.clock', ${at}, true)`)
    await ask(
      sql`update public.form_submissions set status = 'Return' where shop_id = ${shopId} and submission_id = ${number}`,
    )
  })
}

const derive = async (shopId: string, date: string, caller: Caller = ada) =>
  (await query('select * from public.generate_daily_sales_metrics($1, $2)', [shopId, date], caller)).rows[0]!

describe('a day (S-D4)', () => {
  it('tells gross, discount, refund, net, cost and profit apart, and counts statuses', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4, 'Kitchen')
    const bowl = await addItem(shopId, 'Bowl', null, null)
    await place(shopId, 'A', [line(mug, 3, 10)], { discount: 5 })
    await place(shopId, 'B', [line(mug, 1, 10), line(bowl, 2, '0.005')], { status: 'Confirmed' })
    await place(shopId, 'C', [line(mug, 1, 10)], { status: 'Pending' })
    await place(shopId, 'D', [line(mug, 9, 10)], { status: 'Cancelled' })
    expect(await derive(shopId, '2026-03-10')).toMatchObject({
      currency: 'USD',
      gross_minor: '4001',
      discount_minor: '500',
      refund_minor: '0',
      revenue_minor: '3501',
      cost_minor: '1600',
      net_profit_minor: '1901',
      avg_order_value_minor: '1751',
      orders_count: 2,
      items_sold: '6',
      items_returned: '0',
      items_without_cost: '2',
      pending_count: 1,
      confirmed_count: 1,
      completed_count: 1,
      cancelled_count: 1,
      return_count: 0,
      categories: [
        { category: 'Kitchen', units_sold: 4, units_returned: 0, revenue_minor: 4000, cost_minor: 1600 },
        { category: null, units_sold: 2, units_returned: 0, revenue_minor: 1, cost_minor: 0 },
      ],
    })
  })

  it('counts a return on the day it happened, and leaves the day of the sale alone', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'A', [line(mug, 3, 10)], { discount: 5 })
    const before = await derive(shopId, '2026-03-10')
    await returnAt(shopId, 'A', '2026-03-12T08:00:00Z')
    expect(await derive(shopId, '2026-03-10')).toMatchObject({
      revenue_minor: before.revenue_minor,
      cost_minor: '1200',
      completed_count: 0,
      return_count: 1,
    })
    expect(await derive(shopId, '2026-03-12')).toMatchObject({
      gross_minor: '0',
      discount_minor: '-500',
      refund_minor: '3000',
      revenue_minor: '-2500',
      cost_minor: '-1200',
      net_profit_minor: '-1300',
      orders_count: 0,
      items_sold: '0',
      items_returned: '3',
    })
  })

  it('keeps the cost of goods that came back broken', async () => {
    const shopId = await newShop({ restock_returns: false })
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'A', [line(mug, 3, 10)])
    await returnAt(shopId, 'A', '2026-03-12T08:00:00Z')
    expect(await derive(shopId, '2026-03-12')).toMatchObject({ revenue_minor: '-3000', cost_minor: '0' })
  })

  it.each([
    ['Asia/Tokyo', '2026-03-10T15:30:00Z', '2026-03-11'],
    ['America/New_York', '2026-03-08T04:30:00Z', '2026-03-07'],
    ['America/New_York', '2026-03-09T03:30:00Z', '2026-03-08'],
    ['Pacific/Kiritimati', '2026-03-10T10:00:00Z', '2026-03-11'],
  ])('is the shop’s own: in %s, %s is on %s', async (timezone, at, date) => {
    const shopId = await newShop({ timezone })
    await place(shopId, 'A', [line(await addItem(shopId, 'Mug', 4), 1, 10)], { at })
    expect(await derive(shopId, date)).toMatchObject({ orders_count: 1 })
    for (const other of [-1, 1]) {
      const near = new Date(Date.parse(date) + other * 86_400_000).toISOString().slice(0, 10)
      expect(await derive(shopId, near)).toMatchObject({ orders_count: 0 })
    }
  })

  it('keeps the cost and the category that a line had when it was sold', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4, 'Kitchen')
    await place(shopId, 'A', [line(mug, 1, 10)])
    await query(`update public.items set original_price = 9, category = 'Sale' where id = $1`, [mug])
    expect(await derive(shopId, '2026-03-10')).toMatchObject({
      cost_minor: '400',
      categories: [{ category: 'Kitchen' }],
    })
  })

  it('derived again is the same row', async () => {
    const shopId = await newShop()
    await place(shopId, 'A', [line(await addItem(shopId, 'Mug', 4), 1, 10)])
    const [first, second] = [await derive(shopId, '2026-03-10'), await derive(shopId, '2026-03-10')]
    expect({ ...second, generated_at: null }).toEqual({ ...first, generated_at: null })
    expect(
      (await query('select from public.metric_restatements where shop_id = $1', [shopId])).rowCount,
    ).toBe(0)
  })
})

it('Σ of the days is Σ of the orders, whatever happens to them (AT-12)', { timeout: 60_000 }, async () => {
  const step = fc.record({
    order: fc.integer({ min: 0, max: 5 }),
    day: fc.integer({ min: 1, max: 5 }),
    to: fc.constantFrom('Confirmed', 'Completed', 'Cancelled', 'Return', 'Pending'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const shopId = await newShop({ timezone: 'Asia/Tokyo' })
      const mug = await addItem(shopId, 'Mug', 3)
      for (let n = 0; n < 6; n += 1) {
        const at = `2026-05-0${1 + (n % 5)}T${10 + n}:00:00Z`
        await place(shopId, `O${n}`, [line(mug, 1 + n, '2.505')], {
          at,
          discount: n / 10,
          status: 'Confirmed',
        })
      }
      for (const { order, day, to } of steps) {
        await test.database
          .transactionAsOwner(async ({ query: ask }) => {
            await ask(sql`select set_config('plinth.clock', ${`2026-05-0${day}T16:00:00Z`}, true)`)
            await ask(
              sql`update public.form_submissions set status = ${to} where shop_id = ${shopId} and submission_id = ${`O${order}`}`,
            )
          })
          .catch((error: { code?: string }) => expect(error.code).toBe('PT409'))
      }
      await query('select private.mark_all_days($1)', [shopId])
      await query('select private.refresh_days(100)')
      const { rows } = await query(
        `select (select sum(revenue_minor) from public.daily_sales_metrics where shop_id = $1) as days,
           (select sum(profit_minor) from public.product_analytics where shop_id = $1) as products,
           coalesce(sum(l.amount - f.discount * 100), 0) as orders, coalesce(sum(l.amount - l.cost), 0) as profit
         from public.form_submissions f
         cross join lateral (
           select sum(amount_minor) as amount, sum(quantity * 300) as cost
           from public.order_lines where shop_id = f.shop_id and order_id = f.id
         ) l
         where f.shop_id = $1 and f.status in ('Confirmed', 'Completed')`,
        [shopId],
      )
      const { days, products, orders, profit } = rows[0]!
      expect([Number(days), Number(products ?? 0)]).toEqual([Number(orders), Number(profit)])
    }),
    { numRuns: 15, seed: 12 },
  )
})

describe('products (S-D5)', () => {
  it('have units, revenue, cost, margin and sell-through', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    const bowl = await addItem(shopId, 'Bowl', 1)
    await place(shopId, 'A', [line(mug, 250, 10), line(bowl, 1, 5)])
    const { rows } = await query(
      'select * from public.generate_product_analytics($1, $2)',
      [shopId, '2026-03-10'],
      ada,
    )
    expect(rows).toMatchObject([
      {
        item_id: mug,
        units_sold: '250',
        units_returned: '0',
        revenue_minor: '250000',
        cost_of_goods_minor: '100000',
        profit_minor: '150000',
        margin: '0.6000',
      },
      { item_id: bowl, units_sold: '1' },
    ])
    const range = await query(
      'select * from public.get_product_metrics($1, $2, $3)',
      [shopId, '2026-03-01', '2026-03-10'],
      agent,
    )
    expect(range.rows[0]).toMatchObject({
      item_id: mug,
      stock: 750,
      sell_through: '0.2500',
      days_of_cover: '30.0',
    })
  })

  it('that were corrected away are gone from the day', async () => {
    const shopId = await newShop()
    await place(shopId, 'A', [line(await addItem(shopId, 'Mug', 4), 1, 10)])
    await derive(shopId, '2026-03-10')
    await query(`update public.form_submissions set status = 'Cancelled' where shop_id = $1`, [shopId])
    await derive(shopId, '2026-03-10')
    expect((await query('select from public.product_analytics where shop_id = $1', [shopId])).rowCount).toBe(
      0,
    )
  })
})

describe('ranges (S-D6)', () => {
  it('are read, summed, and compared with the period before', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    for (const [number, at] of [
      ['A', '2026-03-08T12:00:00Z'],
      ['B', '2026-03-10T12:00:00Z'],
      ['C', '2026-03-11T12:00:00Z'],
    ] as const) {
      await place(shopId, number, [line(mug, 1, 10)], { at })
      await derive(shopId, at.slice(0, 10))
    }
    const { rows } = await query(
      'select date::text, revenue_minor from public.get_sales_metrics($1, $2, $3)',
      [shopId, '2026-03-10', '2026-03-12'],
      agent,
    )
    expect(rows).toEqual([
      { date: '2026-03-10', revenue_minor: '1000' },
      { date: '2026-03-11', revenue_minor: '1000' },
    ])
    const summary = await value<object>(
      test.database,
      agent,
      sql`select public.get_sales_summary(${shopId}, '2026-03-10', '2026-03-12')`,
    )
    expect(summary).toMatchObject({
      period: { revenue_minor: 2000, orders_count: 2 },
      previous: { start_date: '2026-03-07', end_date: '2026-03-09', revenue_minor: 1000 },
    })
  })

  it.each([
    ['2026-03-10', '2026-03-09'],
    ['1969-12-31', '2026-03-09'],
    ['2010-01-01', '2026-03-09'],
    ['infinity', 'infinity'],
    [null, '2026-03-09'],
  ])('from %s to %s are refused', async (from, to) => {
    const shopId = await newShop()
    const ask = query('select * from public.get_sales_metrics($1, $2, $3)', [shopId, from, to], ada)
    expect(await refusal(ask)).toBe('invalid_days PT422')
  })
})

describe('a figure', () => {
  it('lists the orders behind it, and they add up to it (M8)', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'OLD', [line(mug, 2, 10)], { at: '2026-03-01T12:00:00Z' })
    await place(shopId, 'A', [line(mug, 3, 10)], { discount: 5 })
    await returnAt(shopId, 'OLD', '2026-03-10T18:00:00Z')
    const day = await derive(shopId, '2026-03-10')
    const { rows } = await query('select * from public.explain_day($1, $2)', [shopId, '2026-03-10'], agent)
    expect(rows.map(({ submission_id, revenue_minor }) => [submission_id, revenue_minor])).toEqual([
      ['A', '2500'],
      ['OLD', '-2000'],
    ])
    for (const column of [
      'gross_minor',
      'discount_minor',
      'refund_minor',
      'revenue_minor',
      'cost_minor',
      'items_sold',
    ]) {
      expect(
        rows.reduce((sum, row) => sum + Number(row[column]), 0),
        column,
      ).toBe(Number(day[column]))
    }
  })

  it('of a closed day that changes says when, because of what, from what to what (M8)', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'A', [line(mug, 3, 10)])
    await query('select private.derive_day($1, $2)', [shopId, '2026-03-10'])
    await query(`update public.form_submissions set status = 'Cancelled' where shop_id = $1`, [shopId])
    const causes = JSON.stringify([{ order: 'A', from: 'Completed', to: 'Cancelled' }])
    await query('select private.derive_day($1, $2, $3)', [shopId, '2026-03-10', causes])
    const { rows } = await query(
      'select * from public.metric_restatements where shop_id = $1',
      [shopId],
      agent,
    )
    expect(rows).toMatchObject([
      {
        causes: [{ order: 'A', from: 'Completed', to: 'Cancelled' }],
        before: { revenue_minor: 3000, completed_count: 1 },
        after: { revenue_minor: 0, cancelled_count: 1 },
      },
    ])
  })
})

describe('the nightly job (S-J1)', () => {
  it('derives yesterday of each shop when its own clock is past 02:00, once', async () => {
    const [tokyo, lima] = [
      await newShop({ timezone: 'Asia/Tokyo' }),
      await newShop({ timezone: 'America/Lima' }),
    ]
    const closeAt = (at: string) =>
      test.database.transactionAsOwner(async ({ query: ask }) => {
        await ask(sql`select set_config('plinth.clock', ${at}, true)`)
        await ask(sql`select private.close_days()`)
      })
    const closed = async () =>
      (
        await query(
          `select shop_id, date::text from public.daily_sales_metrics where shop_id = any ($1) order by date, shop_id`,
          [[tokyo, lima]],
        )
      ).rows
    await closeAt('2026-06-10T16:59:00Z')
    expect(await closed()).toEqual([{ shop_id: lima, date: '2026-06-09' }])
    await closeAt('2026-06-10T17:00:00Z')
    expect(await closed()).toEqual([
      { shop_id: lima, date: '2026-06-09' },
      { shop_id: tokyo, date: '2026-06-10' },
    ])
    await test.jobs.run('generate-daily-sales-metrics')
  })
})

describe('analytics-operations (S-F2)', () => {
  it('answers every action, through its surface (S-F4)', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'A', [line(mug, 3, 10)])
    const range = { shopId, startDate: '2026-03-10', endDate: '2026-03-10' }
    const call = async (action: string, input: object) => {
      const answer = await test.call('analytics-operations', { action, ...input }, { as: ada })
      expect(answer, action).toMatchObject({ status: 200, body: { success: true } })
      return answer.body.data
    }
    expect(await call('generate_daily', { shopId, date: '2026-03-10' })).toMatchObject({
      revenue_minor: 3000,
    })
    expect(await call('generate_product', { shopId, date: '2026-03-10' })).toMatchObject([{ units_sold: 3 }])
    expect(await call('get_metrics', range)).toMatchObject([{ date: '2026-03-10', revenue_minor: 3000 }])
    expect(await call('get_summary', range)).toMatchObject({ period: { revenue_minor: 3000 } })
    expect(await call('get_products', range)).toMatchObject([{ name: 'Mug', units_sold: 3 }])
    expect(await call('explain_day', { shopId, date: '2026-03-10' })).toMatchObject([{ submission_id: 'A' }])
    expect(await call('get_shop_stats', { shopId })).toMatchObject({ total_orders: 1, total_revenue: 30 })
  })

  it('refuses other shops, wrong roles and wrong days', async () => {
    const shopId = await newShop()
    const ask = async (as: typeof ada, action: string, date = '2026-03-10') => {
      const input = { action, shopId, date, startDate: date, endDate: date }
      const { status, body } = await test.call('analytics-operations', input, { as })
      return [status, body.code]
    }
    for (const action of ['generate_daily', 'generate_product']) {
      expect(await ask(agent, action)).toEqual([403, 'forbidden'])
    }
    for (const action of [
      'generate_daily',
      'generate_product',
      'get_metrics',
      'get_summary',
      'get_products',
      'explain_day',
      'get_shop_stats',
    ]) {
      expect(await ask(rival, action)).toEqual([404, 'unknown_shop'])
    }
    expect(await ask(ada, 'get_metrics', '1969-01-01')).toEqual([422, 'invalid_days'])
    expect(await ask(ada, 'get_metrics', 'yesterday')).toEqual([400, 'invalid_input'])
    expect((await test.call('analytics-operations', { action: 'get_shop_stats', shopId })).status).toBe(401)
    const rpc = query('select * from public.explain_day($1, $2)', [shopId, '2026-03-10'], stranger)
    expect(await refusal(rpc)).toBe('42501')
    expect(await refusal(query('select private.refresh_days()', [], ada))).toBe('42501')
    expect(await refusal(query('select private.refresh_days()', [], service))).toBe('nothing was refused')
  })
})

describe('returns of lines', () => {
  const back = (orderId: string, lines: unknown, key: string, at: string | null = null) =>
    test.database.transactionAsOwner(async ({ query: ask }) => {
      if (at) await ask(sql`select set_config('plinth.clock', ${at}, true)`)
      const { rows } = await ask<{ answer: { amount: number; lines: unknown[] } }>(
        sql`select public.return_lines(${orderId}, ${JSON.stringify(lines)}::jsonb, ${key}, 'Broken') as answer`,
      )
      return rows[0]!.answer
    })
  const orderId = (shopId: string, number: string) =>
    value<string>(
      test.database,
      null,
      sql`select id from public.form_submissions where shop_id = ${shopId} and submission_id = ${number}`,
    )

  it('of any order in any steps add up to what it cost, to the last minor unit (AT-21)', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 1.111)
    const bowl = await addItem(shopId, 'Bowl', null)
    let number = 0
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        fc.tuple(fc.integer({ min: 0, max: 99_999 }), fc.integer({ min: 1, max: 99_999 })),
        fc.integer({ min: 0, max: 300 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 4 })), { maxLength: 6 }),
        async ([a, b], [priceA, priceB], discount, steps) => {
          const name = `S-${++number}`
          const lines = [line(mug, a, priceA / 1000), line(bowl, b, priceB / 1000)]
          await place(shopId, name, lines, { discount: discount / 100 })
          const id = await orderId(shopId, name)
          const left = new Map([
            [1, a],
            [2, b],
          ])
          const given: number[] = []
          const take = async (line_no: number, quantity: number) => {
            if (quantity < 1) return
            left.set(line_no, left.get(line_no)! - quantity)
            given.push((await back(id, [{ line_no, quantity }], `k-${given.length}`)).amount)
          }
          for (const [line_no, wish] of steps) await take(line_no, Math.min(wish, left.get(line_no)!))
          for (const [line_no, rest] of left) await take(line_no, rest)
          const paid = await value<string>(
            test.database,
            null,
            sql`select (sum(amount_minor) - ${discount})::text from public.order_lines where order_id = ${id}`,
          )
          expect(given.reduce((sum, amount) => sum + Math.round(amount * 100), 0)).toBe(Number(paid))
        },
      ),
      { seed: 16, numRuns: 12 },
    )
  })

  it('count on their own day, once per key, and leave the rest to a later return or cancellation', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'R', [line(mug, 4, 10)], { discount: 4 })
    const id = await orderId(shopId, 'R')
    const stock = () =>
      value<number>(test.database, null, sql`select stock from public.items where id = ${mug}`)
    const first = [{ line_no: 1, quantity: 1 }]
    expect(await back(id, first, 'one', '2026-03-12T12:00:00Z')).toMatchObject({ amount: 9 })
    expect(await back(id, first, 'one', '2026-03-13T12:00:00Z')).toMatchObject({ amount: 9 })
    await back(id, [{ line_no: 1, quantity: 1, restock: false }], 'two', '2026-03-12T13:00:00Z')
    expect(await stock()).toBe(997)
    const minor = async (date: string) => {
      const day = await derive(shopId, date)
      return [
        day['gross_minor'],
        day['discount_minor'],
        day['refund_minor'],
        day['cost_minor'],
        day['items_returned'],
      ].map(Number)
    }
    expect(await minor('2026-03-10')).toEqual([4000, 400, 0, 1600, 0])
    expect(await minor('2026-03-12')).toEqual([0, -200, 2000, -400, 2])
    await returnAt(shopId, 'R', '2026-03-14T12:00:00Z')
    expect(await minor('2026-03-14')).toEqual([0, -200, 2000, -800, 2])
    // Of four, one came back, one was broken, two came back with the order.
    expect(await stock()).toBe(999)
    const explained = await query(
      'select sum(refund_minor) as refund, sum(discount_minor) as discount from public.explain_day($1, $2)',
      [shopId, '2026-03-12'],
      ada,
    )
    expect(explained.rows).toEqual([{ refund: '2000', discount: '-200' }])
    const ofItem = await query(
      'select refund_minor, items_returned from public.explain_day($1, $2, $3)',
      [shopId, '2026-03-12', mug],
      ada,
    )
    expect(ofItem.rows).toEqual([{ refund_minor: '2000', items_returned: '2' }])
    await place(shopId, 'Q', [line(mug, 4, 10)])
    await back(await orderId(shopId, 'Q'), [{ line_no: 1, quantity: 3, restock: false }], 'one')
    await query(
      `update public.form_submissions set status = 'Cancelled' where shop_id = $1 and submission_id = 'Q'`,
      [shopId],
    )
    expect(await stock()).toBe(996)
  })

  it('are refused for what did not happen, and for strangers', async () => {
    const shopId = await newShop()
    const mug = await addItem(shopId, 'Mug', 4)
    await place(shopId, 'P', [line(mug, 1, 10)], { status: 'Pending' })
    await place(shopId, 'C', [line(mug, 2, 10)])
    const [pending, placed] = [await orderId(shopId, 'P'), await orderId(shopId, 'C')]
    const outcome = (id: string, lines: unknown, as = ada, key = 'k') =>
      refusal(query('select public.return_lines($1, $2, $3)', [id, JSON.stringify(lines), key], as))
    expect(await outcome(pending, [{ line_no: 1, quantity: 1 }])).toBe('order_not_returnable PT409')
    for (const wrong of [
      [],
      {},
      [{ line_no: 2, quantity: 1 }],
      [{ line_no: 1, quantity: 3 }],
      [{ line_no: 1, quantity: 0 }],
      [{ line_no: 1, quantity: 1, restock: 'no' }],
      [
        { line_no: 1, quantity: 1 },
        { line_no: 1, quantity: 1 },
      ],
    ])
      expect(await outcome(placed, wrong), JSON.stringify(wrong)).toBe('invalid_return PT422')
    expect(await outcome(placed, [{ line_no: 1, quantity: 1 }], rival)).toBe('unknown_order PT404')
    expect(await outcome(placed, [{ line_no: 1, quantity: 1 }], agent)).toBe('forbidden PT403')
    const both = await Promise.all(
      ['a', 'b', 'c'].map((key) => outcome(placed, [{ line_no: 1, quantity: 1 }], ada, key)),
    )
    expect(both.sort()).toEqual(['invalid_return PT422', 'nothing was refused', 'nothing was refused'])
  })
})
