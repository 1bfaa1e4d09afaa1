import { ask, type ProjectDatabase, scopeDatabase, sql } from '@plinth/platform/database'
import { alone, type Figure, median } from '../figure.ts'
import { type BenchShop, openBenchShop } from '../orders/open-bench-shop.ts'

/** Orders of a year: the second one is what the first is compared with. A million by PLINTH_BENCH_LARGE=1. */
const sizes = process.env['PLINTH_BENCH_LARGE'] === '1' ? [10_000, 1_000_000] : [10_000, 100_000]
const year = { from: '2025-01-01', to: '2025-12-31' }
const repeats = 15
const rules = 200

/** What a shop's people wait for: the dashboard of a year, a day derived anew, an automatic reply. */
export async function* benchShops(): AsyncIterable<Figure> {
  const shop = await openBenchShop()
  try {
    yield* dashboards(shop)
    yield* oneDay(shop)
    yield* inbound(shop)
  } finally {
    await shop.close()
  }
}

async function* dashboards(shop: BenchShop): AsyncIterable<Figure> {
  const items = await shop.stock(500, 1_000_000)
  const measured: number[] = []
  let placed = 0
  for (const size of sizes) {
    await fillYear(shop, items, placed, size)
    placed = size
    const dashboard = sql`select count(*) from public.get_sales_metrics(${shop.shopId}, ${year.from}, ${year.to})`
    const milliseconds = await medianOf(() => shop.database.asCaller(shop.owner, dashboard))
    measured.push(milliseconds)
    yield alone(
      `shops: dashboard of a year, ${size.toLocaleString('en')} orders`,
      milliseconds,
      'ms',
      '< 20 ms',
    )
    const products = sql`select * from public.get_product_metrics(${shop.shopId}, ${year.from}, ${year.to}, 20)`
    // A connection of its own has neither plans nor catalogue in memory.
    const cold = await coldOf(shop.database, shop, products)
    yield alone(
      `shops: top products of a year, cold, ${size.toLocaleString('en')} orders`,
      cold,
      'ms',
      '< 100 ms',
    )
  }
  yield {
    name: 'shops: dashboard, many orders against few',
    value: measured[1]!,
    unit: 'ms',
    ratio: measured[0]! / measured[1]!,
    against: `${sizes[0]!.toLocaleString('en')} orders`,
    goal: 'ratio ≥ 0.67',
  }
}

/** Orders beside the triggers, spread over the year, and the metrics of its days. */
async function fillYear({ database, shopId }: BenchShop, items: readonly string[], from: number, to: number) {
  await database.transactionAsOwner(async ({ query }) => {
    await query(sql`alter table public.form_submissions disable trigger user`)
    await query(sql`
      insert into public.form_submissions (shop_id, submission_id, status, submitted_at)
      select ${shopId}, 'Y-' || n, 'Completed', timestamptz '2025-01-01 00:00Z' + (n % 8760) * interval '1 hour'
      from generate_series(${from + 1}::integer, ${to}::integer) n`)
    await query(sql`
      insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, unit_cost, category, amount,
        amount_minor, currency)
      select f.shop_id, f.id, l.no, (${items}::uuid[])[1 + (abs(hashtext(f.submission_id)) + l.no) % 500], 'Item', 1, 2.5, 1, 'c' || l.no, 2.5, 250, 'USD'
      from public.form_submissions f cross join generate_series(1, 2) l (no)
      where f.shop_id = ${shopId} and f.submission_id like 'Y-%' and substr(f.submission_id, 3)::integer > ${from}`)
    await query(sql`alter table public.form_submissions enable trigger user`)
  })
  await database.asOwner({ text: 'analyze' })
  const owner = await database.transactionAsOwner(async ({ query }) => {
    await query(sql`set local statement_timeout = 0`)
    return query(sql`
      select count(private.derive_day(${shopId}, d::date)) from generate_series(${year.from}::date, ${year.to}::date, interval '1 day') d`)
  })
  if (owner.rowCount !== 1) throw new Error('the year was not derived')
}

async function* oneDay({ database, shopId }: BenchShop): AsyncIterable<Figure> {
  await database.transactionAsOwner(async ({ query }) => {
    await query(sql`alter table public.form_submissions disable trigger user`)
    await query(sql`
      insert into public.form_submissions (shop_id, submission_id, status, submitted_at)
      select ${shopId}, 'D-' || n, 'Completed', timestamptz '2026-02-02 08:00Z' + n * interval '1 second' from generate_series(1, 10000) n`)
    await query(sql`
      insert into public.order_lines (shop_id, order_id, line_no, item_id, item_name, quantity, unit_price, unit_cost, amount, amount_minor, currency)
      select f.shop_id, f.id, 1, (select id from public.items where shop_id = ${shopId} limit 1), 'Item', 1, 2.5, 1, 2.5, 250, 'USD'
      from public.form_submissions f where f.shop_id = ${shopId} and f.submission_id like 'D-%'`)
    await query(sql`alter table public.form_submissions enable trigger user`)
  })
  await database.asOwner({ text: 'analyze' })
  const derive = sql`select private.derive_day(${shopId}, '2026-02-02')`
  yield alone(
    'shops: a day of 10,000 orders derived',
    await medianOf(() => database.asOwner(derive)),
    'ms',
    '< 200 ms',
  )
}

async function* inbound({ database, shopId }: BenchShop): AsyncIterable<Figure> {
  const { compileRules } = await import('../../../systems/shops/replies/match-rules.ts')
  await database.asOwner(sql`
    insert into public.keyword_replies (shop_id, keywords, reply, match_type, priority)
    select ${shopId}, array['keyword ' || n, 'a(b|c)+' || n || '$'], 'Answer ' || n,
      (array['exact', 'contains', 'word', 'regex'])[1 + n % 4]::public.match_type, n from generate_series(1, ${rules}) n`)
  const account = await database.asOwner<{ id: string }>(
    sql`insert into public.social_integrations (shop_id, platform) values (${shopId}, 'telegram') returning id`,
  )
  const db = scopeDatabase(database, { role: 'service_role', claims: { role: 'service_role' } })
  const set = compileRules(
    await ask(db, sql`select private.reply_rules(${shopId}) as answer`, { readOnly: true }),
  )
  let number = 0
  const receive = async () => {
    number += 1
    const message = {
      external_id: `bench:${number}`,
      customer: `c-${number % 50}`,
      text: `what about keyword 4 number ${number}, please?`,
      at: new Date().toISOString(),
    }
    const { message: id } = await ask<{ message: string }>(
      db,
      sql`select private.receive_message(${account.rows[0]!.id}, ${JSON.stringify(message)}::jsonb) as answer`,
    )
    await db.query(sql`select private.answer_message(${id}, ${set.matching(message.text, 'chat')})`)
  }
  yield alone(
    `shops: an inbound message with ${rules} keyword rules`,
    await medianOf(receive, 200),
    'ms',
    '< 5 ms',
  )
  const text = 'what about keyword 4, please?'.repeat(20)
  const matched = await medianOf(async () => void set.matching(text, 'chat'), 200)
  yield alone(`shops: ${rules} keyword rules tried on 600 characters`, matched, 'ms', null)
}

async function medianOf(work: () => Promise<unknown>, times = repeats): Promise<number> {
  await work()
  const taken: number[] = []
  for (let n = 0; n < times; n += 1) {
    const began = performance.now()
    await work()
    taken.push(performance.now() - began)
  }
  return median(taken)
}

/** The first time on connections that have just been opened. */
async function coldOf(
  database: ProjectDatabase,
  { owner }: BenchShop,
  statement: ReturnType<typeof sql>,
): Promise<number> {
  await database
    .asOwner(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename like 'authenticator%' and state = 'idle'`,
    )
    .catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const began = performance.now()
  await database.asCaller(owner, statement)
  return performance.now() - began
}
