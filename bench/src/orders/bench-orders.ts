import { randomUUID } from 'node:crypto'
import { type Statement, sql } from '@plinth/platform/database'
import { createRandom } from '@plinth/testing/random'
import { alone, type Figure, median } from '../figure.ts'
import { type BenchShop, layBareStock, openBenchShop } from './open-bench-shop.ts'

const hotItems = 20
const ordersAtOnce = 200
const rounds = 7
const warmRounds = 2
/** More than any round takes. */
const plenty = 1_000_000

interface Wish {
  readonly itemId: string
  readonly quantity: number
}

/** 200 orders at once on 20 hot items: oversold units, deadlocks, and the rate beside a bare conditional UPDATE. */
export async function* benchOrders(): AsyncIterable<Figure> {
  const shop = await openBenchShop()
  try {
    yield* sellOut(shop)
    const items = await shop.stock(hotItems, plenty)
    await layBareStock(shop)
    yield* compareRates(shop, items)
  } finally {
    await shop.close()
  }
}

/** Ten units each, so that most orders are refused: what counts is that the rest fit. */
async function* sellOut(shop: BenchShop): AsyncIterable<Figure> {
  const random = createRandom(1)
  const items = await shop.stock(hotItems, 10)
  const wishes = Array.from({ length: ordersAtOnce }, () => wishOf(items, random))
  const codes = await Promise.all(wishes.map((wish) => codeOf(shop, orderOf(shop, wish, 'Confirmed'))))
  const sold = wishes.filter((_, n) => codes[n] === null).flat()
  const oversold = items
    .map((id) => sold.reduce((sum, wish) => sum + (wish.itemId === id ? wish.quantity : 0), -10))
    .reduce((sum, excess) => sum + Math.max(0, excess), 0)
  yield alone('orders: units oversold', oversold, 'units', '0')
  yield alone('orders: accepted of 200', codes.filter((code) => code === null).length, 'orders', null)
  yield alone(
    'orders: refused for lack of stock',
    codes.filter((code) => code === 'PT409').length,
    'orders',
    null,
  )
  const others = codes.filter((code) => code !== null && code !== 'PT409')
  yield alone('orders: deadlocks and other errors that reached a caller', others.length, 'errors', '0')
}

async function* compareRates(shop: BenchShop, items: readonly string[]): AsyncIterable<Figure> {
  const random = createRandom(2)
  const kinds = {
    bare: takeBare,
    hand: (wish: readonly Wish[]) => confirmByHand(shop, wish),
    confirmed: (wish: readonly Wish[]) => orderOf(shop, wish, 'Confirmed'),
    pending: (wish: readonly Wish[]) => orderOf(shop, wish, 'Pending'),
    process: (wish: readonly Wish[]) => processOf(shop, wish),
  }
  const names = ['bare', 'hand', 'confirmed', 'pending', 'process'] as const
  const rates = Object.fromEntries(names.map((kind) => [kind, [] as number[]])) as Record<
    (typeof names)[number],
    number[]
  >
  let failures = 0
  // The first rounds warm connections and plans.
  for (let round = -warmRounds; round < rounds; round += 1) {
    for (const kind of names) {
      const wishes = Array.from({ length: ordersAtOnce }, () => wishOf(items, random))
      const began = performance.now()
      const codes = await Promise.all(wishes.map((wish) => codeOf(shop, kinds[kind](wish))))
      const rate = (ordersAtOnce / (performance.now() - began)) * 1000
      if (round >= 0) rates[kind].push(rate)
      if (kind !== 'bare') failures += codes.filter((code) => code !== null).length
    }
  }
  const bare = 'bare conditional UPDATE of the same rows'
  const hand = 'the same writes by hand, without rules'
  const figure = (
    kind: (typeof names)[number],
    name: string,
    against: string,
    beside: readonly number[],
    goal: string | null,
  ) => ({
    name: `orders: ${name}`,
    value: median(rates[kind]),
    unit: 'orders/s',
    ratio: median(rates[kind].map((rate, round) => rate / beside[round]!)),
    against,
    goal,
  })
  yield alone('orders: bare conditional UPDATE, 200 at once', median(rates.bare), 'orders/s', null)
  yield figure('hand', 'row, lines, stock, history by hand', bare, rates.bare, null)
  const confirmed = 'confirmed at once (row, lines, stock, history)'
  yield figure('confirmed', confirmed, bare, rates.bare, 'ratio ≥ 0.25')
  yield figure('confirmed', confirmed, hand, rates.hand, 'ratio ≥ 0.8')
  yield figure('pending', 'pending (row, lines, holds)', bare, rates.bare, null)
  yield figure('process', 'process_order_stock_changes', bare, rates.bare, null)
  yield alone('orders: errors among orders that fit', failures, 'errors', '0')
}

/** One to five lines of one to three units. */
function wishOf(items: readonly string[], random: (below: number) => number): Wish[] {
  return Array.from({ length: 1 + random(5) }, () => ({
    itemId: items[random(items.length)]!,
    quantity: 1 + random(3),
  }))
}

function orderOf({ shopId }: BenchShop, wish: readonly Wish[], status: string): Statement {
  const lines = wish.map(({ itemId, quantity }) => ({ productId: itemId, quantity, unitPrice: 2.5 }))
  return {
    name: 'bench_order',
    text: `insert into public.form_submissions (shop_id, submission_id, status, ordered_products)
      values ($1, $2, $3, $4)`,
    values: [shopId, randomUUID(), status, JSON.stringify(lines)],
  }
}

function confirmByHand({ shopId }: BenchShop, wish: readonly Wish[]): Statement {
  const lines = wish.map(({ itemId, quantity }) => ({ productId: itemId, quantity, unitPrice: 2.5 }))
  return {
    name: 'bench_by_hand',
    text: 'select hand.confirm($1, $2, $3)',
    values: [shopId, randomUUID(), JSON.stringify(lines)],
  }
}

function processOf({ shopId }: BenchShop, wish: readonly Wish[]): Statement {
  const items = wish.map(({ itemId, quantity }) => ({ item_id: itemId, quantity }))
  return sql`select public.process_order_stock_changes(${JSON.stringify(items)}::jsonb, ${randomUUID()}, ${shopId})`
}

/** Rows are locked in order here too, or the bare statement would be measured with its deadlocks. */
function takeBare(wish: readonly Wish[]): Statement {
  const units = new Map<string, number>()
  for (const { itemId, quantity } of wish) units.set(itemId, (units.get(itemId) ?? 0) + quantity)
  return {
    name: 'bench_bare',
    text: `with wish as (select * from unnest($1::uuid[], $2::integer[]) w (id, quantity)),
        locked as (select b.id, w.quantity from public.bare_stock b join wish w using (id) order by b.id for update of b)
      update public.bare_stock b set stock = b.stock - l.quantity from locked l
      where b.id = l.id and b.stock >= l.quantity`,
    values: [[...units.keys()], [...units.values()]],
  }
}

/** Null when the statement went through, else its SQLSTATE. */
async function codeOf({ database, owner }: BenchShop, statement: Statement): Promise<string | null> {
  try {
    await database.asCaller(owner, statement)
    return null
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
