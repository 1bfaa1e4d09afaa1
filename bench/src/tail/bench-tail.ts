import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProjectDatabase, sql, startEmbeddedEngine } from '@plinth/platform/database'
import { createLog } from '@plinth/platform/kernel'
import type { Tail } from '@plinth/platform/tail'
import { type Figure, median } from '../figure.ts'
import { type JournalKind, openShop, type Shop } from './shop.ts'

const runs = 7
const orderMilliseconds = 3_000
const burstRows = 100_000
const sustainedMilliseconds = 10_000
const sustainedChanges = 5_000
const changesPerRestock = 50

/** What the journal costs writers, against none and against triggers; and how fast it takes in what was written. */
export async function* benchTail(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-tail-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log: createLog('error') })
  const shops: Shop[] = []
  try {
    for (const kind of ['none', 'tail', 'triggers'] as const) shops.push(await openShop(engine, folder, kind))
    yield* measureOrders(shops)
    const tailed = shops.find(({ kind }) => kind === 'tail')!
    yield* measureBursts(tailed)
    yield* measureSustained(tailed)
  } finally {
    for (const shop of shops) await shop.database.close()
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Orders until they are journalled, so that a journal which lags behind counts as slower. */
async function* measureOrders(shops: readonly Shop[]): AsyncIterable<Figure> {
  const rates: Record<JournalKind, number[]> = { none: [], tail: [], triggers: [] }
  for (const shop of shops) await shop.placeOrders(500)
  for (let run = 0; run < runs; run += 1) {
    for (const shop of shops) rates[shop.kind].push(await measureOrderRate(shop))
  }
  const none = median(rates.none)
  const tail = median(rates.tail)
  const triggers = median(rates.triggers)
  const figure = (
    name: string,
    value: number,
    against: readonly [number, string] | null,
    goal: string | null,
  ) => ({
    name,
    value,
    unit: 'orders/s',
    ratio: against && value / against[0],
    against: against?.[1] ?? null,
    goal,
  })
  yield figure('orders, saturated, no journal', none, null, null)
  yield figure('orders, saturated, journalled by the tail', tail, [none, 'no journal'], 'ratio ≥ 0.5')
  yield figure('orders, saturated, journalled by triggers', triggers, [none, 'no journal'], null)
  yield figure('the tail beside triggers', tail, [triggers, 'triggers'], 'ratio > 1')
}

async function measureOrderRate(shop: Shop): Promise<number> {
  const tail = shop.kind === 'tail' ? await startTail(shop) : null
  const began = performance.now()
  const placed = await shop.placeOrders(orderMilliseconds)
  await tail?.settle(120_000)
  const rate = placed / ((performance.now() - began) / 1000)
  await tail?.stop()
  await shop.database.asOwner(sql`checkpoint`).catch(() => undefined)
  return rate
}

async function startTail(shop: Shop): Promise<Tail> {
  const tail = shop.createTail()
  tail.start()
  while (!tail.holds()) await new Promise((resolve) => setTimeout(resolve, 20))
  await tail.settle(120_000)
  return tail
}

async function* measureBursts(shop: Shop): AsyncIterable<Figure> {
  const rates: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const tail = await startTail(shop)
    await insertRows(shop.database, burstRows)
    const began = performance.now()
    await tail.settle(120_000)
    rates.push(burstRows / ((performance.now() - began) / 1000))
    await tail.stop()
  }
  yield {
    name: `rows journalled after a burst of ${burstRows}`,
    value: median(rates),
    unit: 'rows/s',
    ratio: null,
    against: null,
    goal: '≥ 20,000 rows/s',
  }
}

const insertRows = (database: ProjectDatabase, rows: number) =>
  database.asOwner(sql`
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason)
    select i.shop_id, i.id, -1, n, 'a burst' from generate_series(1, ${rows}::int) n
    join (select *, row_number() over (order by id) - 1 as place from public.items) i on i.place = n % 2000`)

/**
 * Updates and inserts at a steady pace of {@link sustainedChanges} row changes a second, in transactions of fifty. The
 * lag is the time from a commit to the moment when everything up to it is stored, taken again and again meanwhile.
 */
async function* measureSustained(shop: Shop): AsyncIterable<Figure> {
  const tail = await startTail(shop)
  const lags: number[] = []
  let running = true
  const sampling = sampleLag(tail, lags, () => running)
  const began = performance.now()
  let changes = 0
  const write = async () => {
    while (performance.now() - began < sustainedMilliseconds) {
      const due = ((performance.now() - began) / 1000) * sustainedChanges * 1.02
      if (changes >= due) await new Promise((resolve) => setTimeout(resolve, 2))
      else {
        const turn = changes
        changes += changesPerRestock
        await restock(shop.database, turn)
      }
    }
  }
  await Promise.all([write(), write(), write()])
  const rate = changes / ((performance.now() - began) / 1000)
  running = false
  await sampling
  await tail.stop()
  const goal = `≥ ${sustainedChanges} rows/s with a lag < 1 s`
  yield { name: 'row changes, steadily', value: rate, unit: 'rows/s', ratio: null, against: null, goal }
  const lag = { unit: 'ms', ratio: null, against: null, goal: '< 1,000 ms' }
  yield { name: 'lag of the journal meanwhile, median', value: median(lags), ...lag }
  yield { name: 'lag of the journal meanwhile, largest', value: Math.max(...lags), ...lag }
}

async function sampleLag(tail: Tail, lags: number[], goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    const began = performance.now()
    await tail.settle(120_000)
    lags.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Twenty-five items updated, twenty-five lines of history inserted. */
async function restock(database: ProjectDatabase, turn: number): Promise<void> {
  const shop = (turn / changesPerRestock) % 40
  await database.asOwner(sql`
    with moved as (
      update public.items set stock = stock + 1, updated_at = now()
      where id in (select i.id from public.items i
        where i.shop_id = (select id from public.shops order by id offset ${shop}::int limit 1) limit 25)
      returning shop_id, id, stock)
    insert into public.stock_history (shop_id, item_id, change, new_stock, reason)
    select shop_id, id, 1, stock, 'restock' from moved`)
}
