import { type Statement, sql } from '@plinth/platform/database'
import { actor, service, waitFor } from '@plinth/testing'
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

const test = useShopDatabase({ connections: { requests: 40, owner: 10 } })
const ada = actor('ada')
const rounds = process.env.PLINTH_TEST_LONG === '1' ? 40 : 6
let shopId: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
})

const as = (statement: Statement) => test.database.asCaller(ada, statement)
const levelOf = async (itemId: string) => (await levelsOf(test.database, shopId, [itemId]))[0]!

/** What came of statements that were sent at once, each on a connection of its own. */
const race = (statements: readonly Statement[], send = as) =>
  Promise.all(statements.map((statement) => refusal(send(statement))))

const statusOf = (number: string) =>
  value<string>(
    test.database,
    null,
    sql`select status from public.form_submissions where shop_id = ${shopId} and submission_id = ${number}`,
  )

describe('two connections at once (AT-1, AT-3)', () => {
  it.each([
    ['Confirmed', 'Cancelled'],
    ['Confirmed', 'Confirmed'],
    ['Cancelled', 'Cancelled'],
    ['Completed', 'Return'],
    ['Pending', 'Cancelled'],
  ])('set an order to %s and to %s: its stock is that of the status it ends in', async (left, right) => {
    const item = await addProduct(test.database, shopId, `${left} against ${right}`, 10)
    for (let round = 0; round < rounds; round += 1) {
      const number = `RACE-${left}-${right}-${round}`
      await as(order(shopId, number, [line(item, 4)]))
      const outcomes = await race(
        [left, right, left, right].map((status) => setStatus(shopId, number, status)),
      )
      expect(['nothing was refused', 'invalid_transition PT409']).toEqual(
        expect.arrayContaining([...new Set(outcomes)]),
      )
      const ends = await statusOf(number)
      const expected = ends === 'Pending' ? [10, 4] : ends.startsWith('Co') ? [6, 0] : [10, 0]
      const { stock, held } = await levelOf(item)
      expect([stock, held], ends).toEqual(expected)
      if (ends.startsWith('Co') || ends === 'Pending') await as(setStatus(shopId, number, 'Cancelled'))
    }
    expect(await findDrift(test.database)).toEqual([])
  })

  it('place the same number with other lines: one of them is the order', async () => {
    const item = await addProduct(test.database, shopId, 'Same number', 1000)
    for (let round = 0; round < rounds; round += 1) {
      const number = `TWIN-${round}`
      const before = await levelOf(item)
      const outcomes = await race([3, 4, 5].map((units) => order(shopId, number, [line(item, units)])))
      expect(outcomes.filter((outcome) => outcome === 'nothing was refused')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome.endsWith('23505'))).toHaveLength(2)
      const units = 3 + outcomes.indexOf('nothing was refused')
      expect((await levelOf(item)).held - before.held).toBe(units)
    }
  })

  it('place an order and process the same number: the units are taken once', async () => {
    const item = await addProduct(test.database, shopId, 'Order and process', 1000)
    for (let round = 0; round < rounds; round += 1) {
      const number = `BOTH-${round}`
      const body = JSON.stringify([{ item_id: item, quantity: 2 }])
      const outcomes = await race([
        order(shopId, number, [line(item, 2)]),
        sql`select public.process_order_stock_changes(${body}::jsonb, ${number}, ${shopId})`,
      ])
      expect(outcomes).toEqual(['nothing was refused', 'nothing was refused'])
      expect(await levelOf(item)).toMatchObject({ stock: 998 - 2 * round, held: 0 })
    }
    expect(await findDrift(test.database)).toEqual([])
  })

  it('process a held order that lacks one of its items: the others stay held', async () => {
    const [held, gone] = [
      await addProduct(test.database, shopId, 'Held', 5),
      await addProduct(test.database, shopId, 'Gone', 5),
    ]
    await as(order(shopId, 'PART', [line(held, 2), line(gone, 5)]))
    // As private.rebuild_stock() leaves an order whose units do not all reach.
    await test.database.transactionAsOwner(async ({ query }) => {
      await query(sql`delete from plinth.holds where thing = ${gone}`)
      await query(sql`update plinth.pools set held = 0 where thing = ${gone}`)
    })
    await as(sql`select public.update_stock(${gone}, -1, 'Broken')`)
    const body = JSON.stringify([held, gone].map((id, n) => ({ item_id: id, quantity: n === 0 ? 2 : 5 })))
    expect(
      await value(
        test.database,
        ada,
        sql`select public.process_order_stock_changes(${body}::jsonb, 'PART', ${shopId})`,
      ),
    ).toMatchObject({ success: false, errors: [{ code: 'insufficient_stock', item_id: gone, available: 4 }] })
    expect(await levelOf(held)).toEqual({ stock: 5, held: 2, available: 3 })
    expect(await findDrift(test.database)).toEqual([])
  })

  it('delete an item and order it: either it was sold before or the order is refused', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 2 * rounds; round += 1) {
      const item = await addProduct(test.database, shopId, `Leaving ${round}`, 10)
      const other = await addProduct(test.database, shopId, `Staying ${round}`, 10)
      const status = round % 2 ? 'Confirmed' : 'Pending'
      const [ordered, removed] = await race([
        order(shopId, `LEAVE-${round}`, [line(item, 4), line(other, 1)], status),
        sql`delete from public.items where id = ${item}`,
      ])
      seen.add(`${ordered} / ${removed}`)
      const { stock, held } = await levelOf(other)
      expect([stock, held]).toEqual(
        ordered !== 'nothing was refused' ? [10, 0] : status === 'Pending' ? [10, 1] : [9, 0],
      )
    }
    const refused = /^(invalid_order_lines PT422|unknown_item PT404) \/ nothing was refused$/
    const fine = /^nothing was refused \/ (nothing was refused|item_is_held PT409)$/
    expect([...seen].filter((pair) => !refused.test(pair) && !fine.test(pair))).toEqual([])
    expect(await findDrift(test.database)).toEqual([])
  })

  it('close a shop and order in it: nothing of it is left', async () => {
    for (let round = 0; round < rounds / 2; round += 1) {
      const owner = actor('closing')
      const own = await openShop(test.database, owner)
      const item = await addProduct(test.database, own, 'Last one', 50)
      const outcomes = await race(
        [
          ...Array.from({ length: 6 }, (_, n) =>
            order(own, `C-${n}`, [line(item, 1)], n % 2 ? 'Confirmed' : 'Pending'),
          ),
          sql`delete from public.shops where id = ${own}`,
        ],
        (statement) => test.database.asCaller(owner, statement),
      )
      expect(outcomes.at(-1)).toBe('nothing was refused')
      for (const outcome of outcomes.slice(0, -1)) {
        expect(outcome).toMatch(/^(nothing was refused|.*23503|42501|invalid_order_lines PT422)$/)
      }
      const left = sql`select (select count(*) from public.order_stock where shop_id = ${own})
        + (select count(*) from plinth.pools where thing = ${item}) + (select count(*) from plinth.holds where thing = ${item})`
      expect(await value(test.database, null, left)).toBe('0')
    }
  })

  it('make pools and holds anew while orders come in, are confirmed and cancelled', async () => {
    const ids: string[] = []
    for (let n = 0; n < 6; n += 1) ids.push(await addProduct(test.database, shopId, `Rebuilt ${n}`, 60))
    const lines = (n: number) => [line(ids[n % 6]!, 1 + (n % 3)), line(ids[(n * 5 + 1) % 6]!, 1)]
    const numbers = Array.from({ length: 40 }, (_, n) => `REBUILD-${n}`)
    for (const [n, number] of numbers.entries()) await as(order(shopId, number, lines(n)))
    const moves = Array.from({ length: 120 }, (_, n): Statement => {
      if (n % 4 === 0) return order(shopId, `REBUILD-NEW-${n}`, lines(n), n % 8 ? 'Confirmed' : 'Pending')
      return setStatus(shopId, numbers[(n * 7) % 40]!, n % 4 === 1 ? 'Confirmed' : 'Cancelled')
    })
    const rebuild = sql`select count(*) from private.rebuild_stock(${shopId})`
    const [outcomes, rebuilt] = await Promise.all([
      race(moves),
      race([rebuild, rebuild, rebuild, rebuild], (statement) => test.database.asOwner(statement)),
    ])
    expect(new Set(rebuilt)).toEqual(new Set(['nothing was refused']))
    expect(['nothing was refused', 'insufficient_stock PT409']).toEqual(
      expect.arrayContaining([...new Set(outcomes)]),
    )
    expect(await findDrift(test.database)).toEqual([])
  })

  it('hold the last units while pools are made anew: nobody fails but for lack of stock', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const item = await addProduct(test.database, shopId, `Anew ${round}`, 5)
      const [outcomes] = await Promise.all([
        race(Array.from({ length: 8 }, (_, n) => order(shopId, `ANEW-${round}-${n}`, [line(item, 1)]))),
        test.database.asOwner(sql`select count(*) from private.rebuild_stock(${shopId})`),
      ])
      expect(outcomes.filter((outcome) => outcome === 'nothing was refused')).toHaveLength(5)
      expect(outcomes.filter((outcome) => outcome === 'insufficient_stock PT409')).toHaveLength(3)
    }
    expect(await findDrift(test.database)).toEqual([])
  })

  it('change an item into a service and order it: nothing is taken that is not counted', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const item = await addProduct(test.database, shopId, `Turning ${round}`, 0)
      await race([
        sql`update public.items set item_type = 'service', stock = null where id = ${item}`,
        order(shopId, `TURN-${round}`, [line(item, 1)], round % 2 ? 'Confirmed' : 'Pending'),
        sql`select public.update_stock(${item}, 1, 'Found')`,
      ])
    }
    expect(await findDrift(test.database)).toEqual([])
  })
})

describe('in the middle of a transaction', () => {
  it('an alert that is raised while another order waits is resolved by that order', async () => {
    const item = await addProduct(test.database, shopId, 'Alerted', 14)
    await as(order(shopId, 'ALERT-1', [line(item, 2)], 'Confirmed'))
    let cancelled: Promise<unknown> | undefined
    await test.database.transactionAs(ada, async ({ query }) => {
      await query(order(shopId, 'ALERT-2', [line(item, 3)], 'Confirmed'))
      cancelled = as(setStatus(shopId, 'ALERT-1', 'Cancelled'))
      const waits = sql`select exists (select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0) as is`
      await waitFor(async () => (await test.database.asOwner<{ is: boolean }>(waits)).rows[0]?.is)
    })
    await cancelled
    expect((await levelOf(item)).stock).toBe(11)
    const open = sql`select count(*) from public.low_stock_alerts where item_id = ${item} and resolved_at is null`
    expect(await value(test.database, null, open)).toBe('0')
  })

  it('a role that is taken away counts at the next statement', async () => {
    const manager = actor('manager')
    const own = await openShop(test.database, ada)
    const item = await addProduct(test.database, own, 'Mug', 10)
    await test.database.asOwner(
      sql`insert into auth.users (id, email) values (${manager.userId}, 'manager@example.test')`,
    )
    await test.database.asOwner(
      sql`insert into public.team_members (shop_id, user_id, role) values (${own}, ${manager.userId}, 'Order Manager')`,
    )
    const work = test.database.transactionAs(manager, async ({ query }) => {
      await query(order(own, 'M-1', [line(item, 1)], 'Confirmed'))
      await test.database.asOwner(
        sql`delete from public.team_members where shop_id = ${own} and user_id = ${manager.userId}`,
      )
      await query(order(own, 'M-2', [line(item, 1)], 'Confirmed'))
    })
    expect(await refusal(work)).toBe('42501')
    expect((await levelsOf(test.database, own, [item]))[0]!.stock).toBe(10)
  })
})

describe('a thousand at once', () => {
  const count = process.env.PLINTH_TEST_LONG === '1' ? 10_000 : 500

  it('are confirmed, completed and cancelled by one statement each', { timeout: 60_000 }, async () => {
    const own = await openShop(test.database, actor('bulk'))
    const ids: string[] = []
    for (let n = 0; n < 50; n += 1) ids.push(await addProduct(test.database, own, `Bulk ${n}`, 1000))
    const as = (statement: Statement) => test.database.asCaller(actor('bulk'), statement)
    const bodies = Array.from({ length: count }, (_, n) =>
      JSON.stringify([line(ids[n % 50]!, 2), line(ids[(n + 7) % 50]!, 1)]),
    )
    await as(sql`insert into public.form_submissions (shop_id, submission_id, ordered_products)
      select ${own}, 'B-' || o.no, o.lines from unnest(${bodies}::jsonb[]) with ordinality o (lines, no)`)
    const levels = async () =>
      (await levelsOf(test.database, own, ids)).map(({ stock, held }) => [stock, held])
    expect(await levels()).toEqual(ids.map(() => [1000, (count / 50) * 3]))
    const all = (status: string) =>
      sql`update public.form_submissions set status = ${status} where shop_id = ${own}`
    await as(all('Confirmed'))
    expect(await levels()).toEqual(ids.map(() => [1000 - (count / 50) * 3, 0]))
    await as(all('Completed'))
    await as(all('Return'))
    expect(await levels()).toEqual(ids.map(() => [1000, 0]))
    expect(await findDrift(test.database)).toEqual([])
  })

  it('of lines in one order are one demand per item, and 5,000 are the most', async () => {
    const item = await addProduct(test.database, shopId, 'Many lines', 5000)
    const lines = Array.from({ length: 5000 }, () => line(item, 1))
    await as(order(shopId, 'MANY', lines, 'Confirmed'))
    expect(await levelOf(item)).toEqual({ stock: 0, held: 0, available: 0 })
    await as(setStatus(shopId, 'MANY', 'Cancelled'))
    const huge = Array.from({ length: 5000 }, () => line(item, 1_000_000, 1_000_000_000))
    expect(await refusal(as(order(shopId, 'HUGE', huge, 'Confirmed')))).toBe('insufficient_stock PT409')
    expect(await refusal(as(order(shopId, 'HUGE', huge)))).toBe('insufficient_stock PT409')
    expect(await levelOf(item)).toEqual({ stock: 5000, held: 0, available: 5000 })
  })
})

describe('figures that no integer holds', () => {
  it('are refused, or added up exactly', async () => {
    const rich = actor('rich')
    const own = await openShop(test.database, rich)
    const service_ = await value<string>(
      test.database,
      null,
      sql`insert into public.items (shop_id, name, item_type) values (${own}, 'Advice', 'service') returning id`,
    )
    const product = await addProduct(test.database, own, 'Gold', 2_147_483_647)
    const dear = Array.from({ length: 200 }, () => line(service_, 1_000_000, 1_000_000_000))
    await test.database.asCaller(rich, order(own, 'DEAR', dear, 'Completed'))
    expect(
      await value(
        test.database,
        rich,
        sql`select (public.get_shop_stats(${own}) ->> 'total_revenue')::numeric::text`,
      ),
    ).toBe('200000000000000000.00')
    const credit = (quantity: number) => sql`insert into public.form_submissions
      (shop_id, submission_id, status, imported, ordered_products)
      values (${own}, ${`CREDIT${quantity}`}, 'Completed', true, ${JSON.stringify([line(product, quantity, 1)])}::jsonb)`
    expect(await refusal(test.database.asCaller(service, credit(-1)))).toBe('stock_too_large PT422')
    expect(
      await refusal(
        test.database.asCaller(rich, sql`update public.items set stock = stock + 1 where id = ${product}`),
      ),
    ).toBe('22003')
    expect(await refusal(test.database.asCaller(service, credit(-1_000_000_000)))).toBe(
      'stock_too_large PT422',
    )
    expect(await findDrift(test.database)).toEqual([])
  })
})
