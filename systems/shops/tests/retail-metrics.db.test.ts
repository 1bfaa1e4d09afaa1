import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { openOwnerSession } from '@plinth/platform/database'
import { openSource, readRecords } from '@plinth/platform/tabular'
import { beforeAll, describe, expect, it } from 'vitest'
import { demoFile } from '../demo/load-demo.ts'
import { importOrders } from '../import/index.ts'
import { createShop, sessionsOf } from '../import/tests/import-fixture.ts'
import { useShopDatabase } from './shop-fixture.ts'

const test = useShopDatabase()

/** The first lines of the demonstration’s December; with PLINTH_TEST_RETAIL_CSV the file named there, such as the whole year. */
const wholeFile = process.env['PLINTH_TEST_RETAIL_CSV']
const lines = 4_000
const source = async () => {
  if (wholeFile) return wholeFile
  const text = gunzipSync(await readFile(demoFile)).toString('utf8')
  return Readable.from([Buffer.from(text.split('\n').slice(0, lines).join('\n'))], { objectMode: false })
}
const columns = ['invoice', 'code', 'description', 'quantity', 'at', 'price', 'customer', 'country']

/** Sums over the raw file, by plain SQL that shares nothing with orders and metrics. Lines are rounded once, as on paper. */
const expected = {
  days: `select at::timestamp::date::text as date, sum(round(quantity::numeric * price::numeric * 100))::text as minor
    from raw group by 1`,
  products: `select code, at::timestamp::date::text as date, sum(round(quantity::numeric * price::numeric * 100))::text as minor
    from raw group by 1, 2`,
}

describe('the metrics of a real file (S-B5)', () => {
  let shopId: string
  let session: Awaited<ReturnType<typeof openOwnerSession>>

  beforeAll(async () => {
    shopId = await createShop(test.database, 'Retail')
    await importOrders({
      openSession: sessionsOf(test.database),
      shopId,
      zone: 'Europe/London',
      source: await source(),
    })
    session = await openOwnerSession({ addresses: test.addresses, via: 'test' })
    await session.query(`create temp table raw (${columns.map((column) => `${column} text`).join(', ')})`)
    const records = readRecords(await openSource(await source()))
    await records.next()
    const rows = async function* () {
      for await (const { fields } of records) {
        yield Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? '']))
      }
    }
    await session.copyInto('raw', columns, rows())
    await session.query('analyze')
    await session.query('select private.mark_all_days($1)', [shopId])
    while ((await session.query<{ n: number }>('select private.refresh_days(100) as n')).rows[0]!.n > 0);
    return () => session.close()
  }, 900_000)

  it('equal the file, per local day, to the penny', async () => {
    const { rows } = await session.query(
      `with expected as (${expected.days}),
       derived as (select date::text, revenue_minor::text as minor from public.daily_sales_metrics where shop_id = $1)
       select * from expected full join derived using (date) where expected.minor is distinct from derived.minor and coalesce(expected.minor, '0') <> coalesce(derived.minor, '0')`,
      [shopId],
    )
    expect(rows).toEqual([])
    const sums = await session.query<{ derived: string; raw: string; exact: string }>(
      `select (select sum(revenue_minor) from public.daily_sales_metrics where shop_id = $1)::text as derived,
         (select sum(round(quantity::numeric * price::numeric * 100)) from raw)::text as raw,
         (select sum(quantity::numeric * price::numeric) from raw)::text as exact`,
      [shopId],
    )
    expect(sums.rows[0]!.derived).toBe(sums.rows[0]!.raw)
    if (wholeFile) expect(sums.rows[0]!.exact).toBe('9747747.934')
  })

  it('equal the file, per product and local day', async () => {
    const { rows } = await session.query(
      `with expected as (${expected.products}),
       derived as (
         select i.sku as code, a.date::text, a.revenue_minor::text as minor
         from public.product_analytics a join public.items i on i.id = a.item_id where a.shop_id = $1
       )
       select code, date, expected.minor, derived.minor as derived from expected full join derived using (code, date)
       where coalesce(expected.minor, '0') <> coalesce(derived.minor, '0') limit 10`,
      [shopId],
    )
    expect(rows).toEqual([])
  })

  it('show what came back apart, and never more sold than the file says', async () => {
    const { rows } = await session.query(
      `select (select sum(refund_minor) from public.daily_sales_metrics where shop_id = $1)
           = (select -sum(round(quantity::numeric * price::numeric * 100)) from raw where quantity::numeric < 0) as refunds,
         (select sum(items_sold) from public.daily_sales_metrics where shop_id = $1)
           = (select sum(r.quantity::numeric) from raw r where r.quantity::numeric > 0 and exists (
                select from public.form_submissions f where f.shop_id = $1 and f.submission_id = r.invoice and f.status <> 'Cancelled')) as units`,
      [shopId],
    )
    expect(rows).toEqual([{ refunds: true, units: true }])
  })
})
