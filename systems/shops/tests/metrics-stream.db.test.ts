import { sql } from '@plinth/platform/database'
import { actor, waitFor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, line, openShop, setStatus, value } from './shop-fixture.ts'

const test = useSystem(shops, { stream: true, runner: true })
const ada = actor('ada')
let shopId: string
let mug: string

beforeAll(async () => {
  await test.signUp(ada)
  shopId = await openShop(test.database, ada)
  mug = await addProduct(test.database, shopId, 'Mug', 1000)
})

const place = (number: string, at: string) =>
  test.database.asCaller(
    ada,
    sql`insert into public.form_submissions (shop_id, submission_id, status, ordered_products, submitted_at)
        values (${shopId}, ${number}, 'Confirmed', ${JSON.stringify([line(mug, 1, 10)])}::jsonb, ${at})`,
  )

interface Day {
  readonly date: string
  readonly revenue: number
  readonly cost: number
  readonly orders: number
}

const days = async () =>
  (
    await test.database.asOwner<Day>(
      sql`select date::text, revenue_minor::integer as revenue, cost_minor::integer as cost, orders_count as orders
          from public.daily_sales_metrics where shop_id = ${shopId} and gross_minor <> 0 order by date`,
    )
  ).rows

/** The stream marks what a commit touched, the job derives it: within moments, without anybody asking. */
const become = (...expected: Partial<Day>[]) =>
  waitFor(async () => {
    const found = await days()
    const same = (day: Partial<Day>, at: number) =>
      Object.entries(day).every(([name, wanted]) => found[at]?.[name as keyof Day] === wanted)
    return found.length === expected.length && expected.every(same)
  })

it('metrics follow what is committed, closed days say why, and equal a recomputation from the orders', async () => {
  await place('A', '2026-03-10T12:00:00Z')
  await place('B', '2026-03-11T12:00:00Z')
  await become({ date: '2026-03-10', revenue: 1000 }, { date: '2026-03-11', revenue: 1000 })
  await test.database.asCaller(ada, setStatus(shopId, 'B', 'Cancelled'))
  await test.database.asCaller(
    ada,
    sql`update public.form_submissions set discount = 4 where shop_id = ${shopId} and submission_id = 'A'`,
  )
  await become({ date: '2026-03-10', revenue: 600 })
  const restated = sql`select causes from public.metric_restatements
    where shop_id = ${shopId} and date = '2026-03-11' and (after ->> 'cancelled_count')::integer = 1`
  expect(await value(test.database, null, restated)).toEqual([
    { order: 'B', from: 'Confirmed', to: 'Cancelled' },
  ])

  const before = await days()
  await test.database.asOwner(
    sql`select private.derive_day(${shopId}, date) from public.daily_sales_metrics where shop_id = ${shopId}`,
  )
  expect(await days()).toEqual(before)
})

it('another zone moves orders to other days', async () => {
  await place('LATE', '2026-04-01T20:00:00Z')
  await become({}, { date: '2026-04-01' })
  await test.database.asCaller(ada, sql`update public.shops set timezone = 'Asia/Tokyo' where id = ${shopId}`)
  await become({ date: '2026-03-10', revenue: 600 }, { date: '2026-04-02', revenue: 1000 })
})

it('a cost that comes late reaches the days of what was sold without one', async () => {
  await test.database.asCaller(ada, sql`update public.items set original_price = 4 where id = ${mug}`)
  await become({ cost: 400 }, { cost: 400 })
})

it('a deleted order leaves its day', async () => {
  await test.database.asCaller(ada, setStatus(shopId, 'LATE', 'Cancelled'))
  await test.database.asCaller(
    ada,
    sql`delete from public.form_submissions where shop_id = ${shopId} and submission_id = 'LATE'`,
  )
  await become({ date: '2026-03-10' })
})
