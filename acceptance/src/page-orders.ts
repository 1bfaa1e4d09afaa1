import type { SupabaseClient } from '@supabase/supabase-js'
import { add, none, type Sum, thousandths } from './retail-file.ts'

interface Line {
  readonly line_no: number
  readonly amount: number
}

interface Order {
  readonly id: string
  readonly submission_id: string
  readonly submitted_at: string
  readonly order_lines: readonly Line[]
}

/** A page, as supabase-js answers. */
interface Page {
  readonly data: readonly unknown[] | null
  readonly count: number | null
  readonly error: { readonly message: string } | null
}

const orderColumns = 'id, submission_id, submitted_at, order_lines(line_no, amount)'

const ordersOf = (client: SupabaseClient, shopId: string) =>
  client
    .from('form_submissions')
    .select(orderColumns, { count: 'exact' })
    .eq('shop_id', shopId)
    .order('submitted_at')
    .order('id')

/** The sum of each order by its number, read with `range` and an exact count, as a list with page numbers does. */
export function readOrdersByRange(client: SupabaseClient, shopId: string, size: number) {
  return tallyOrders(eachByRange<Order>((from, to) => ordersOf(client, shopId).range(from, to), size))
}

/** The same, each page beginning after the last order of the one before, as an endless list does. */
export function readOrdersByKeyset(client: SupabaseClient, shopId: string, size: number) {
  return tallyOrders(eachByKeyset(client, shopId, size))
}

/** All lines by `range`, without their orders. Fails when one comes twice. */
export async function readLinesByRange(client: SupabaseClient, shopId: string, size: number): Promise<Sum> {
  const seen = new Set<string>()
  let total = none
  const read = (from: number, to: number) =>
    client
      .from('order_lines')
      .select('order_id, line_no, amount', { count: 'exact' })
      .eq('shop_id', shopId)
      .order('order_id')
      .order('line_no')
      .range(from, to)
  for await (const { order_id, line_no, amount } of eachByRange<Line & { order_id: string }>(read, size)) {
    const key = `${order_id} ${line_no}`
    requireNew(seen, key)
    seen.add(key)
    total = add(total, { lines: 1, amount: thousandths(amount) })
  }
  return total
}

async function* eachByRange<Row>(
  read: (from: number, to: number) => PromiseLike<Page>,
  size: number,
): AsyncGenerator<Row> {
  for (let from = 0, total = 1; from < total; from += size) {
    const { data, count, error } = await read(from, from + size - 1)
    if (error) throw new Error(error.message, { cause: error })
    yield* data as readonly Row[]
    total = count!
  }
}

async function* eachByKeyset(client: SupabaseClient, shopId: string, size: number): AsyncGenerator<Order> {
  let last: Order | undefined
  do {
    const page = ordersOf(client, shopId).limit(size)
    const { data, error } = await (last ? page.or(after(last)) : page)
    if (error) throw new Error(error.message, { cause: error })
    const orders: readonly Order[] = data
    yield* orders
    last = orders.at(-1)
  } while (last)
}

const after = ({ submitted_at, id }: Order) =>
  `submitted_at.gt."${submitted_at}",and(submitted_at.eq."${submitted_at}",id.gt.${id})`

/** Fails when an order, or a line of it, comes twice. */
async function tallyOrders(orders: AsyncIterable<Order>): Promise<ReadonlyMap<string, Sum>> {
  const tally = new Map<string, Sum>()
  for await (const { submission_id, order_lines } of orders) {
    requireNew(tally, submission_id)
    if (new Set(order_lines.map(({ line_no }) => line_no)).size !== order_lines.length)
      throw new Error(`a line of ${submission_id} came twice`)
    tally.set(
      submission_id,
      order_lines.reduce((sum, { amount }) => add(sum, { lines: 1, amount: thousandths(amount) }), none),
    )
  }
  return tally
}

function requireNew(seen: { has(key: string): boolean }, key: string): void {
  if (seen.has(key)) throw new Error(`${key} came twice`)
}
