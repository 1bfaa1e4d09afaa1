import { type Statement, sql } from '@plinth/platform/database'
import { actor, createRandom } from '@plinth/testing'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  addProduct,
  findDrift,
  levelsOf,
  line,
  openShop,
  order,
  refusal,
  setStatus,
  useShopDatabase,
  value,
} from './shop-fixture.ts'

const test = useShopDatabase({ connections: { requests: 40, owner: 4 } })
const ada = actor('ada')
let shopId: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
})

const as = (statement: Statement) => test.database.asCaller(ada, statement)

const stockItems = async (name: string, count: number, stock: number) => {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) ids.push(await addProduct(test.database, shopId, `${name} ${n}`, stock))
  return ids
}

const unitsOf = async (numbers: readonly string[], itemId: string) =>
  Number(
    await value<string>(
      test.database,
      null,
      sql`select coalesce(sum(l.quantity), 0) from public.order_lines l
          join public.form_submissions f on f.id = l.order_id
          where f.submission_id = any (${numbers}) and l.item_id = ${itemId}`,
    ),
  )

describe('200 concurrent orders of random lines on 20 items with 10 units (AT-1)', () => {
  it.each([
    ['Pending', 1],
    ['Confirmed', 2],
  ])('as %s: none oversold, no deadlock, the refused change nothing', async (status, seed) => {
    const ids = await stockItems(`AT-1 ${status}`, 20, 10)
    const random = createRandom(seed)
    const orders = Array.from({ length: 200 }, (_, n) => ({
      number: `AT-1-${status}-${n}`,
      lines: Array.from({ length: 1 + random(5) }, () => line(ids[random(20)]!, 1 + random(4))),
    }))
    const outcomes = await Promise.all(
      orders.map(({ number, lines }) => refusal(as(order(shopId, number, lines, status)))),
    )
    expect(new Set(outcomes)).toEqual(new Set(['nothing was refused', 'insufficient_stock PT409']))
    const taken = orders.filter((_, n) => outcomes[n] === 'nothing was refused').map(({ number }) => number)
    const levels = await levelsOf(test.database, shopId, ids)
    for (const [n, id] of ids.entries()) {
      const sold = await unitsOf(taken, id)
      expect(sold).toBeLessThanOrEqual(10)
      expect(10 - levels[n]!.available).toBe(sold)
    }
    expect(levels.some(({ available }) => available === 0)).toBe(true)
    const left = sql`select count(*) from public.form_submissions where submission_id like ${`AT-1-${status}-%`}`
    expect(await value(test.database, null, left)).toBe(String(taken.length))
    expect(await findDrift(test.database)).toEqual([])
  })

  it('through process_order_stock_changes, each called twice at once', async () => {
    const ids = await stockItems('AT-1 process', 20, 10)
    const random = createRandom(3)
    const wishes = Array.from({ length: 100 }, () =>
      Array.from({ length: 1 + random(5) }, () => ({ item_id: ids[random(20)]!, quantity: 1 + random(4) })),
    )
    const answers = await Promise.all(
      [...wishes, ...wishes].map((wish, n) =>
        value<{ success: boolean }>(
          test.database,
          ada,
          sql`select public.process_order_stock_changes(${JSON.stringify(wish)}::jsonb, ${`P-${n % 100}`}, ${shopId})`,
        ),
      ),
    )
    const demand = new Map<string, number>()
    for (const [n, wish] of wishes.entries()) {
      if (!answers[n]!.success && !answers[n + 100]!.success) continue
      for (const { item_id, quantity } of wish) demand.set(item_id, (demand.get(item_id) ?? 0) + quantity)
    }
    const levels = await levelsOf(test.database, shopId, ids)
    expect(ids.map((id) => 10 - (demand.get(id) ?? 0))).toEqual(levels.map(({ stock }) => stock))
    expect(await findDrift(test.database)).toEqual([])
  })

  it('mixed with confirmations, cancellations, counts, direct writes and bulk inserts', async () => {
    const ids = await stockItems('AT-1 mixed', 20, 30)
    const random = createRandom(4)
    const lines = () => Array.from({ length: 1 + random(4) }, () => line(ids[random(20)]!, 1 + random(2)))
    const numbers = Array.from({ length: 60 }, (_, n) => `MIX-${n}`)
    for (const number of numbers) await refusal(as(order(shopId, number, lines())))
    const moves: (() => Statement)[] = [
      () => setStatus(shopId, numbers[random(60)]!, 'Confirmed'),
      () => setStatus(shopId, numbers[random(60)]!, 'Cancelled'),
      () => sql`select public.update_stock(${ids[random(20)]}, ${random(5) - 2}, 'count')`,
      () => sql`update public.items set stock = stock + 1 where id = ${ids[random(20)]}`,
      () => order(shopId, `MIX-NEW-${random(1_000_000_000)}`, lines(), 'Confirmed'),
      () => sql`insert into public.form_submissions (shop_id, submission_id, ordered_products)
        select ${shopId}, 'BULK-' || gen_random_uuid(), l from unnest(${[lines(), lines(), lines()].map((l) => JSON.stringify(l))}::jsonb[]) l`,
      () =>
        sql`update public.form_submissions set status = 'Cancelled' where submission_id = any (${[numbers[random(60)], numbers[random(60)]]})`,
    ]
    const outcomes = await Promise.all(
      Array.from({ length: 400 }, (_, n) => refusal(as(moves[n % moves.length]!()))),
    )
    const expected = ['nothing was refused', 'insufficient_stock PT409', 'items_stock_not_negative 23514']
    expect([...new Set(outcomes)].filter((outcome) => !expected.includes(outcome))).toEqual([])
    for (const { held, available } of await levelsOf(test.database, shopId, ids)) {
      expect(held).toBeGreaterThanOrEqual(0)
      expect(available).toBeGreaterThanOrEqual(0)
    }
    expect(await findDrift(test.database)).toEqual([])
  })

  it('update_stock from 50 callers adds up', async () => {
    const [id] = await stockItems('Counter', 1, 0)
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        as(sql`select public.update_stock(${id}, ${1 + (n % 3)}, 'delivery')`),
      ),
    )
    expect((await levelsOf(test.database, shopId, [id!]))[0]!.stock).toBe(99)
    expect(await findDrift(test.database)).toEqual([])
  })
})

describe('any sequence of operations', () => {
  const statuses = ['Pending', 'Confirmed', 'Completed', 'Cancelled', 'Return'] as const
  const lines = fc.array(fc.record({ item: fc.nat(2), quantity: fc.integer({ min: 1, max: 6 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('order'), number: fc.nat(3), lines, status: fc.constantFrom(...statuses) }),
    fc.record({ kind: fc.constant('status'), number: fc.nat(3), status: fc.constantFrom(...statuses) }),
    fc.record({ kind: fc.constant('edit'), number: fc.nat(3), lines }),
    fc.record({ kind: fc.constant('change'), item: fc.nat(2), by: fc.integer({ min: -8, max: 8 }) }),
    fc.record({ kind: fc.constant('set'), item: fc.nat(2), stock: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant('process'), number: fc.nat(5), lines }),
    fc.record({ kind: fc.constant('delete'), number: fc.nat(3) }),
    fc.record({ kind: fc.constant('expire'), number: fc.nat(3) }),
  )
  const outcomes = new Set([
    'nothing was refused',
    'insufficient_stock PT409',
    'invalid_transition PT409',
    'order_lines_fixed PT409',
    'order_body_differs PT409',
    'order_in_effect PT409',
    'form_submissions_shop_id_submission_id_key 23505',
  ])

  it('keeps Σ change = stock, held ≥ 0 and available ≥ 0', { timeout: 120_000 }, async () => {
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        round += 1
        const ids = await stockItems(`Round ${round}`, 3, 10)
        const number = (n: number) => `R${round}-${n}`
        const products = (wish: { item: number; quantity: number }[]) =>
          wish.map(({ item, quantity }) => line(ids[item]!, quantity))
        for (const move of steps) {
          const statement = ((): Statement => {
            switch (move.kind) {
              case 'order':
                return order(shopId, number(move.number), products(move.lines), move.status)
              case 'status':
                return setStatus(shopId, number(move.number), move.status)
              case 'edit':
                return sql`update public.form_submissions set ordered_products = ${JSON.stringify(products(move.lines))}::jsonb
                  where shop_id = ${shopId} and submission_id = ${number(move.number)}`
              case 'change':
                return sql`select public.update_stock(${ids[move.item]}, ${move.by}, 'x')`
              case 'set':
                return sql`update public.items set stock = ${move.stock} where id = ${ids[move.item]}`
              case 'process':
                return sql`select public.process_order_stock_changes(${JSON.stringify(
                  move.lines.map(({ item, quantity }) => ({ item_id: ids[item], quantity })),
                )}::jsonb, ${number(move.number)}, ${shopId})`
              case 'delete':
                return sql`delete from public.form_submissions where shop_id = ${shopId} and submission_id = ${number(move.number)}`
              default:
                return sql`update plinth.holds set expires_at = now() where key = ${`${shopId}:${number(move.number)}`}`
            }
          })()
          const work = move.kind === 'expire' ? test.database.asOwner(statement) : as(statement)
          expect(outcomes).toContain(await refusal(work))
        }
        expect(await findDrift(test.database)).toEqual([])
        for (const { held, available } of await levelsOf(test.database, shopId, ids)) {
          expect(held).toBeGreaterThanOrEqual(0)
          expect(available).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: process.env.PLINTH_TEST_LONG === '1' ? 400 : 12, seed: 20_101_201 },
    )
  })
})
