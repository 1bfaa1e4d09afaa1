import { createHash } from 'node:crypto'
import { type Caller, sql } from '@plinth/platform/database'
import { actor, stranger } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, findDrift, line, openShop, order, refusal, setStatus, value } from './shop-fixture.ts'

const test = useSystem(shops)
const ada = actor('ada')
const agent = actor('agent')
const rival = actor('rival')
let shopId: string
let mug: string
let bowl: string

beforeAll(() => test.signUp(ada, agent, rival))
beforeEach(async () => {
  shopId = await openShop(test.database, ada)
  await test.database.asOwner(
    sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${agent.userId}, 'Support Agent')`,
  )
  mug = await addProduct(test.database, shopId, 'Mug', 20)
  bowl = await addProduct(test.database, shopId, 'Bowl', 5)
})

const historyOf = async (item: string) =>
  (
    await test.database.asOwner<{ kind: string; change: number }>(
      sql`select kind, change from public.stock_history where item_id = ${item} order by seq`,
    )
  ).rows.map(({ kind, change }) => `${kind} ${change}`)

const stockOf = (item: string) =>
  value<number>(test.database, null, sql`select stock from public.items where id = ${item}`)

describe('movements (S-B1)', () => {
  it('have a kind: orders sell and return, people adjust, count and write off', async () => {
    await test.database.asCaller(ada, order(shopId, 'A', [line(mug, 3)], 'Confirmed'))
    await test.database.asCaller(ada, setStatus(shopId, 'A', 'Return'))
    await test.database.asCaller(
      ada,
      sql`select public.update_stock(${mug}, -2, 'Broken', p_kind => 'shrinkage')`,
    )
    await test.database.asCaller(ada, sql`select public.update_stock(${mug}, 1, 'Found')`)
    await test.database.asCaller(ada, sql`update public.items set stock = 18 where id = ${mug}`)
    expect(await historyOf(mug)).toEqual([
      'opening 20',
      'sale -3',
      'return 3',
      'shrinkage -2',
      'adjustment 1',
      'adjustment -1',
    ])
  })

  it.each([
    ['sale', -1],
    ['import', 1],
    ['opening', 1],
    ['shrinkage', 1],
    [null, 1],
  ])('of the kind %s by %i are nobody’s to make', async (kind, change) => {
    const made = sql`select public.update_stock(${mug}, ${change}, 'x', p_kind => ${kind}) ->> 'code'`
    expect(await value(test.database, ada, made)).toBe('invalid_change')
  })
})

describe('a stock-take', () => {
  const count = (counts: unknown, as: typeof ada = ada) =>
    test.call('inventory-operations', { action: 'count_stock', shopId, counts }, { as })

  it('sets what was counted, and says what changed', async () => {
    const { status, body } = await count([
      { item_id: mug, counted: 18, expected: 20 },
      { item_id: bowl, counted: 5 },
    ])
    expect({ status, data: body.data }).toEqual({
      status: 200,
      data: { success: true, counted: 2, changes: [{ item_id: mug, before: 20, after: 18, change: -2 }] },
    })
    expect(await historyOf(mug)).toEqual(['opening 20', 'count -2'])
    expect(await findDrift(test.database)).toEqual([])
  })

  it('writes nothing when somebody sold meanwhile', async () => {
    await test.database.asCaller(ada, order(shopId, 'A', [line(mug, 1)], 'Confirmed'))
    const { status, body } = await count([
      { item_id: bowl, counted: 4, expected: 5 },
      { item_id: mug, counted: 18, expected: 20 },
    ])
    expect([status, body.code]).toEqual([409, 'stock_changed'])
    expect(await stockOf(bowl)).toBe(5)
  })

  it('cannot count away what pending orders hold', async () => {
    await test.database.asCaller(ada, order(shopId, 'A', [line(bowl, 4)]))
    expect((await count([{ item_id: bowl, counted: 3 }])).body.code).toBe('insufficient_stock')
    expect((await count([{ item_id: bowl, counted: 4 }])).status).toBe(200)
  })

  it.each([
    ['nothing', []],
    ['no list', {}],
    ['an id that is none', [{ item_id: 'mug', counted: 1 }]],
    ['a count below zero', [{ item_id: 'MUG', counted: -1 }]],
    ['half a unit', [{ item_id: 'MUG', counted: 1.5 }]],
    ['a count that is text', [{ item_id: 'MUG', counted: '3' }]],
    ['an expectation that is text', [{ item_id: 'MUG', counted: 3, expected: '20' }]],
    [
      'an item twice',
      [
        { item_id: 'MUG', counted: 3 },
        { item_id: 'MUG', counted: 3 },
      ],
    ],
    ['an unknown item', [{ item_id: '11111111-1111-4111-8111-111111111111', counted: 3 }]],
  ])('refuses %s', async (_what, counts) => {
    const given = JSON.parse(JSON.stringify(counts).replaceAll('MUG', mug)) as unknown
    const answer = sql`select public.count_stock(${shopId}, ${JSON.stringify(given)}::jsonb) ->> 'code'`
    expect(await value(test.database, ada, answer)).toBe('invalid_counts')
    expect(await stockOf(mug)).toBe(20)
  })

  it('is for those who work with stock, in their own shop', async () => {
    expect((await count([{ item_id: mug, counted: 1 }], agent)).status).toBe(403)
    expect((await count([{ item_id: mug, counted: 1 }], rival)).status).toBe(404)
    const foreign = await addProduct(test.database, await openShop(test.database, rival), 'Theirs', 9)
    expect((await count([{ item_id: foreign, counted: 1 }])).body.code).toBe('invalid_counts')
    const open = sql`select public.count_stock(${shopId}, '[]')`
    expect(await refusal(test.database.asCaller(stranger, open))).toBe('42501')
  })

  it('and orders at the same time lose nothing', async () => {
    const work = Array.from({ length: 12 }, (_, n) =>
      n % 3 === 0
        ? count([{ item_id: mug, counted: 15 }]).then(() => undefined)
        : refusal(test.database.asCaller(ada, order(shopId, `C${n}`, [line(mug, 1)], 'Confirmed'))),
    )
    await Promise.all(work)
    expect(await findDrift(test.database)).toEqual([])
  })
})

describe('check-low-stock-alerts (S-J6)', () => {
  const checkAt = (at: string) =>
    test.database.transactionAsOwner(async ({ query }) => {
      await query(sql`select set_config('plinth.clock', ${at}, true)`)
      return (await query<{ n: number }>(sql`select private.check_low_stock() as n`)).rows[0]!.n
    })

  const open = async () =>
    (
      await test.database.asOwner<{ name: string }>(sql`
        select i.name from public.low_stock_alerts a join public.items i on i.id = a.item_id
        where a.shop_id = ${shopId} and a.resolved_at is null order by 1`)
    ).rows.map(({ name }) => name)

  it('tells at 09:00 of the shop’s clock what was low from the start, and once a day', async () => {
    await test.database.asOwner(sql`delete from public.shops where id <> ${shopId}`)
    await test.database.asOwner(sql`update public.shops set timezone = 'Asia/Tokyo' where id = ${shopId}`)
    expect(await open()).toEqual([])
    expect(await checkAt('2026-06-09T23:59:00Z')).toBe(0)
    expect(await checkAt('2026-06-10T00:00:00Z')).toBe(1)
    expect(await open()).toEqual(['Bowl'])
    await test.database.asOwner(
      sql`update public.low_stock_alerts set resolved_at = now() where shop_id = ${shopId}`,
    )
    expect(await checkAt('2026-06-10T12:00:00Z')).toBe(0)
    expect(await checkAt('2026-06-11T00:15:00Z')).toBe(1)
    await test.jobs.run('check-low-stock-alerts')
  })
})

describe('cleanup-old-stock-history (S-J5)', () => {
  const backdate = (item: string, rows: number, days: number) =>
    test.database.asOwner(sql`
      update public.stock_history set "timestamp" = now() - ${days} * interval '1 day'
      where id in (select id from public.stock_history where item_id = ${item} order by seq limit ${rows})`)
  const move = (item: string, change: number, by: Caller = ada) =>
    test.database.asCaller(by, sql`select public.update_stock(${item}, ${change}, 'x')`)

  it('puts an opening balance in the place of old movements, and keeps them in the archive with their hash', async () => {
    for (const change of [-3, 5, -2]) await move(mug, change)
    await backdate(mug, 3, 400)
    await test.jobs.run('cleanup-old-stock-history')
    expect(await historyOf(mug)).toEqual(['opening 22', 'adjustment -2'])
    expect(await findDrift(test.database)).toEqual([])
    const { rows } = await test.database.asCaller<{ ndjson: string; sha256: Buffer; movements: number }>(
      ada,
      sql`select ndjson, sha256, movements from public.stock_history_archive where item_id = ${mug}`,
    )
    const [archived] = rows
    expect(archived?.sha256).toEqual(createHash('sha256').update(archived!.ndjson).digest())
    const movements = archived!.ndjson
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { change: number })
    expect(movements.map(({ change }) => change)).toEqual([20, -3, 5])
    const reason = sql`select reason from public.stock_history where item_id = ${mug} order by seq limit 1`
    expect(await value(test.database, null, reason)).toContain(archived!.sha256.toString('hex'))

    await test.jobs.run('cleanup-old-stock-history')
    expect(await historyOf(mug)).toEqual(['opening 22', 'adjustment -2'])
    await move(mug, -1)
    expect(await stockOf(mug)).toBe(19)
    expect(await findDrift(test.database)).toEqual([])
  })

  it('leaves an item at zero without a row, and young history alone', async () => {
    await move(bowl, -5)
    await backdate(bowl, 2, 400)
    await move(mug, -1)
    await test.jobs.run('cleanup-old-stock-history')
    expect(await historyOf(bowl)).toEqual([])
    expect(await historyOf(mug)).toEqual(['opening 20', 'adjustment -1'])
    await move(bowl, 4)
    expect(await findDrift(test.database)).toEqual([])
  })

  it('stops before an import that is dated back behind younger movements', async () => {
    await move(mug, -1)
    await test.database.asOwner(sql`
      update public.stock_history set "timestamp" = now() - interval '400 days'
      where id = (select id from public.stock_history where item_id = ${mug} order by seq desc limit 1)`)
    await test.jobs.run('cleanup-old-stock-history')
    expect(await historyOf(mug)).toEqual(['opening 20', 'adjustment -1'])
  })

  it('is seen by owners and admins of the shop only', async () => {
    await move(mug, -1)
    await backdate(mug, 2, 400)
    await test.jobs.run('cleanup-old-stock-history')
    const seen = (caller: Caller) =>
      value<string>(
        test.database,
        caller,
        sql`select count(*) from public.stock_history_archive where shop_id = ${shopId}`,
      )
    expect(await Promise.all([ada, agent, rival].map(seen))).toEqual(['1', '0', '0'])
  })
})
