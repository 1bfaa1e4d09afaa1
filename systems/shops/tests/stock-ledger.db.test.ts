import { sql } from '@plinth/platform/database'
import { actor, service, stranger } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  addProduct,
  findDrift,
  line,
  openShop,
  order,
  refusal,
  setStatus,
  signUp,
  useShopDatabase,
  value,
} from './shop-fixture.ts'

const test = useShopDatabase()
const ada = actor('ada')
let shopId: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
})

const historyOf = async (itemId: string) =>
  (
    await test.database.asCaller<{
      change: number
      new_stock: number
      reason: string
      changed_by: string | null
    }>(
      ada,
      sql`select change, new_stock, reason, changed_by from public.stock_history
          where item_id = ${itemId} or deleted_item_id = ${itemId} order by seq`,
    )
  ).rows

const update = (itemId: string, change: number | null, reason: string | null = 'Counted') =>
  value<Record<string, unknown>>(
    test.database,
    ada,
    sql`select public.update_stock(${itemId}, ${change}, ${reason})`,
  )

describe('update_stock (S-D1)', () => {
  it('moves stock and records why and who', async () => {
    const id = await addProduct(test.database, shopId, 'Mug', 5)
    expect(await update(id, -2, 'Broken')).toEqual({
      success: true,
      item_id: id,
      previous_stock: 5,
      change: -2,
      new_stock: 3,
    })
    expect(await historyOf(id)).toEqual([
      { change: 5, new_stock: 5, reason: 'Opening stock', changed_by: null },
      { change: -2, new_stock: 3, reason: 'Broken', changed_by: ada.userId },
    ])
  })

  it('refuses to go below zero and changes nothing', async () => {
    const id = await addProduct(test.database, shopId, 'Cup', 5)
    expect(await update(id, -6)).toEqual({
      success: false,
      code: 'insufficient_stock',
      error: 'Insufficient stock',
      current_stock: 5,
      requested_change: -6,
      available: 5,
    })
    expect(await historyOf(id)).toHaveLength(1)
  })

  it.each([
    [0, 'invalid_change'],
    [null, 'invalid_change'],
    [2_147_483_647, 'stock_too_large'],
    [-2_147_483_648, 'insufficient_stock'],
  ])('answers a change of %s with %s', async (change, code) => {
    const id = await addProduct(test.database, shopId, `Plate ${change}`, 1)
    expect(await update(id, change)).toMatchObject({ success: false, code, current_stock: 1 })
    expect(await historyOf(id)).toHaveLength(1)
  })

  it('knows no stock of services and no strange items', async () => {
    const service = await value<string>(
      test.database,
      ada,
      sql`insert into public.items (shop_id, name, item_type) values (${shopId}, 'Repair', 'service') returning id`,
    )
    expect(await update(service, 1)).toMatchObject({ success: false, code: 'services_have_no_stock' })
    expect(await update('11111111-1111-4111-8111-111111111111', 1)).toEqual({
      success: false,
      code: 'unknown_item',
      error: 'There is no such item.',
    })
  })

  it('lets nobody sign with another name, but the service role names whom it acts for', async () => {
    const id = await addProduct(test.database, shopId, 'Bowl', 5)
    const ben = actor('ben')
    const signed = sql`select public.update_stock(${id}, 1, 'x', ${ben.userId})`
    expect(await refusal(test.database.asCaller(ada, signed))).toBe('forbidden PT403')
    await test.database.asCaller(service, signed)
    expect((await historyOf(id)).at(-1)).toMatchObject({ changed_by: ben.userId })
  })
})

describe('items.stock written directly (AT-5)', () => {
  it('leaves a history row with its user', async () => {
    const id = await addProduct(test.database, shopId, 'Fork', 5)
    await test.database.asCaller(
      ada,
      sql`update public.items set stock = 12, name = 'Fork!' where id = ${id}`,
    )
    expect((await historyOf(id)).at(-1)).toEqual({
      change: 7,
      new_stock: 12,
      reason: 'Set directly',
      changed_by: ada.userId,
    })
  })

  it('counts the opening stock of a bulk insert, and nothing of items without stock', async () => {
    const { rows } = await test.database.asCaller<{ id: string; stock: number | null }>(
      ada,
      sql`insert into public.items (shop_id, name, stock, item_type) values
          (${shopId}, 'Bulk 1', 3, 'product'), (${shopId}, 'Bulk 2', 0, 'product'), (${shopId}, 'Bulk 3', null, 'product'),
          (${shopId}, 'Bulk 4', null, 'service'), (${shopId}, 'Bulk 5', 0, 'service') returning id, stock`,
    )
    expect(rows.map(({ stock }) => stock)).toEqual([3, 0, 0, null, null])
    const histories = await Promise.all(rows.map(({ id }) => historyOf(id)))
    expect(histories.map((history) => history.length)).toEqual([1, 0, 0, 0, 0])
  })

  it('follows a bulk update of many items in one statement', async () => {
    const ids = await Promise.all([1, 2, 3].map((n) => addProduct(test.database, shopId, `Row ${n}`, n)))
    await test.database.asCaller(ada, sql`update public.items set stock = stock * 2 where id = any (${ids})`)
    const last = await Promise.all(ids.map(async (id) => (await historyOf(id)).at(-1)))
    expect(last.map((row) => [row?.change, row?.new_stock])).toEqual([
      [1, 2],
      [2, 4],
      [3, 6],
    ])
    expect(await findDrift(test.database)).toEqual([])
  })

  it('is refused below zero and below what pending orders hold', async () => {
    const id = await addProduct(test.database, shopId, 'Spoon', 10)
    await test.database.asCaller(ada, order(shopId, 'HELD-1', [line(id, 4)]))
    const set = (stock: number) =>
      test.database.asCaller(ada, sql`update public.items set stock = ${stock} where id = ${id}`)
    expect(await refusal(set(-1))).toBe('items_stock_not_negative 23514')
    expect(await refusal(set(3))).toBe('insufficient_stock PT409')
    await set(4)
    expect(await update(id, -1)).toMatchObject({ success: false, code: 'insufficient_stock', available: 0 })
    expect(await findDrift(test.database)).toEqual([])
  })

  it('cannot be smuggled past the history by pretending to be the ledger', async () => {
    const id = await addProduct(test.database, shopId, 'Knife', 5)
    const smuggle = test.database.transactionAs(ada, async ({ query }) => {
      await query(sql`select set_config('plinth.stock_posting', 'on', true)`)
      await query(sql`update public.items set stock = 500 where id = ${id}`)
    })
    expect(await refusal(smuggle)).toBe('stock_without_history PT422')
    expect(await findDrift(test.database)).toEqual([])
  })

  it.each([
    ['a member', ada],
    ['the service role', service],
  ])('gets its history also from %s who wears the ledger’s mark', async (_, caller) => {
    const id = await addProduct(test.database, shopId, 'Ladle', 5)
    await test.database.transactionAs(caller, async ({ query }) => {
      await query(sql`select set_config('plinth.stock_posting', 'ledger', true)`)
      await query(sql`update public.items set stock = 500 where id = ${id}`)
    })
    expect((await historyOf(id)).at(-1)).toMatchObject({
      change: 495,
      new_stock: 500,
      reason: 'Set directly',
    })
    expect(await findDrift(test.database)).toEqual([])
  })

  it('raised on everything by one statement touches what the caller’s role may change', async () => {
    const own = await openShop(test.database, actor('mass'))
    for (let n = 0; n < 3; n += 1) await addProduct(test.database, own, `Mass ${n}`, n)
    const people = [
      ['Admin', 3],
      ['Order Manager', 3],
      ['Support Agent', 0],
      ['nobody', 0],
    ] as const
    for (const [role, touched] of people) {
      const person = actor(`mass ${role}`)
      await signUp(test.database, person)
      if (role !== 'nobody') {
        await test.database.asOwner(
          sql`insert into public.team_members (shop_id, user_id, role) values (${own}, ${person.userId}, ${role})`,
        )
      }
      const raised = await test.database.asCaller(person, sql`update public.items set stock = stock + 1`)
      expect(raised.rowCount, role).toBe(touched)
    }
    expect(
      await refusal(test.database.asCaller(stranger, sql`update public.items set stock = stock + 1`)),
    ).toBe('42501')
    expect(await findDrift(test.database)).toEqual([])
  })

  it('keeps id and shop of an item, and services without stock', async () => {
    const id = await addProduct(test.database, shopId, 'Tray', 5)
    const change = (what: string) =>
      test.database.asCaller(ada, { text: `update public.items set ${what} where id = $1`, values: [id] })
    expect(await refusal(change('id = gen_random_uuid()'))).toBe('item_identity_fixed PT422')
    expect(await refusal(change("item_type = 'service'"))).toBe('services_have_no_stock PT422')
    const add = sql`insert into public.items (shop_id, name, item_type, stock) values (${shopId}, 'Advice', 'service', 1)`
    expect(await refusal(test.database.asCaller(ada, add))).toBe('services_have_no_stock PT422')
  })
})

describe('stock_history', () => {
  it('is append-only: neither members nor the service role write, change or delete it', async () => {
    const id = await addProduct(test.database, shopId, 'Vase', 5)
    for (const caller of [ada, service, stranger]) {
      for (const text of [
        'update public.stock_history set change = 1 where item_id = $1',
        'delete from public.stock_history where item_id = $1',
        `insert into public.stock_history (shop_id, item_id, change, new_stock, reason)
         select shop_id, id, 1, 6, 'x' from public.items where id = $1`,
      ]) {
        expect(await refusal(test.database.asCaller(caller, { text, values: [id] })), text).toBe('42501')
      }
      expect(await refusal(test.database.asCaller(caller, sql`truncate public.stock_history`))).toBe('42501')
    }
    expect(await historyOf(id)).toHaveLength(1)
  })

  it('outlives its item: what it had is written off, its rows stay', async () => {
    const id = await addProduct(test.database, shopId, 'Jar', 5)
    await test.database.asCaller(ada, order(shopId, 'JAR-1', [line(id, 1)]))
    const remove = () => test.database.asCaller(ada, sql`delete from public.items where id = ${id}`)
    expect(await refusal(remove())).toBe('item_is_held PT409')
    await test.database.asCaller(ada, setStatus(shopId, 'JAR-1', 'Confirmed'))
    await remove()
    expect((await historyOf(id)).map(({ change, new_stock, reason }) => [change, new_stock, reason])).toEqual(
      [
        [5, 5, 'Opening stock'],
        [-1, 4, 'Order JAR-1: Pending → Confirmed'],
        [-4, 0, 'Jar was deleted'],
      ],
    )
    await test.database.asCaller(ada, setStatus(shopId, 'JAR-1', 'Cancelled'))
    expect(await refusal(test.database.asCaller(ada, setStatus(shopId, 'JAR-1', 'Confirmed')))).toBe(
      'unknown_item PT404',
    )
    expect(
      await value(
        test.database,
        ada,
        sql`select item_name from public.order_lines l
      join public.form_submissions f on f.id = l.order_id where f.submission_id = 'JAR-1'`,
      ),
    ).toBe('Jar')
  })

  it('goes with its shop, pending orders included', async () => {
    const own = await openShop(test.database, actor('closing'))
    const id = await addProduct(test.database, own, 'Lamp', 5)
    await test.database.asOwner(order(own, 'L-1', [line(id, 1)]))
    await test.database.asOwner(order(own, 'L-2', [line(id, 1)], 'Confirmed'))
    await test.database.asCaller(actor('closing'), sql`delete from public.shops where id = ${own}`)
    const left = sql`select (select count(*) from public.stock_history where shop_id = ${own})
      + (select count(*) from plinth.pools where thing = ${id}) + (select count(*) from plinth.holds where thing = ${id})`
    expect(await value(test.database, null, left)).toBe('0')
  })
})

describe('low_stock_alerts', () => {
  const alertsOf = async (itemId: string) =>
    (
      await test.database.asCaller<{ stock: number; threshold: number; open: boolean }>(
        ada,
        sql`select stock, threshold, resolved_at is null as open from public.low_stock_alerts
            where item_id = ${itemId} order by raised_at, stock desc`,
      )
    ).rows

  it('are raised once per crossing and resolved when stock is back', async () => {
    const id = await addProduct(test.database, shopId, 'Candle', 12)
    await update(id, -2)
    expect(await alertsOf(id)).toEqual([])
    await update(id, -1)
    await update(id, -1)
    await update(id, 1)
    expect(await alertsOf(id)).toEqual([{ stock: 9, threshold: 10, open: true }])
    await update(id, 1)
    expect(await alertsOf(id)).toEqual([{ stock: 9, threshold: 10, open: false }])
    await test.database.asCaller(ada, order(shopId, 'CANDLE-1', [line(id, 3)], 'Confirmed'))
    expect(await alertsOf(id)).toEqual([
      { stock: 9, threshold: 10, open: false },
      { stock: 7, threshold: 10, open: true },
    ])
  })

  it('follow the thresholds of item and shop', async () => {
    const id = await addProduct(test.database, shopId, 'Match', 12)
    await test.database.asCaller(ada, sql`update public.items set low_stock_threshold = 20 where id = ${id}`)
    expect(await alertsOf(id)).toEqual([{ stock: 12, threshold: 20, open: true }])
    await test.database.asCaller(
      ada,
      sql`update public.items set low_stock_threshold = null where id = ${id}`,
    )
    expect(await alertsOf(id)).toEqual([{ stock: 12, threshold: 20, open: false }])
    await test.database.asCaller(
      ada,
      sql`update public.shops set low_stock_threshold = 13 where id = ${shopId}`,
    )
    await test.database.asCaller(
      ada,
      sql`update public.shops set low_stock_threshold = 10 where id = ${shopId}`,
    )
    expect((await alertsOf(id)).map(({ threshold, open }) => [threshold, open])).toEqual([
      [20, false],
      [13, false],
    ])
  })
})

describe('get_low_stock_items (S-D3) and get_shop_stats (S-D10)', () => {
  const ben = actor('ben')
  let own: string

  beforeAll(async () => {
    own = await openShop(test.database, ben)
    const ids = await Promise.all(
      [0, 4, 9, 10].map((stock) => addProduct(test.database, own, `At ${stock}`, stock)),
    )
    await test.database.asCaller(
      ben,
      sql`insert into public.items (shop_id, name, item_type) values (${own}, 'Advice', 'service')`,
    )
    await test.database.asCaller(
      ben,
      order(own, 'S-1', [line(ids[3]!, 3, '0.335'), line(ids[2]!, 1, 10)], 'Completed'),
    )
    await test.database.asCaller(ben, order(own, 'S-2', [line(ids[3]!, 1, 99)]))
    await test.database.asCaller(
      ben,
      sql`update public.form_submissions set discount = 0.5 where submission_id = 'S-1'`,
    )
  })

  it('lists what is below the threshold, fewest first, flagging what is out', async () => {
    const list = async (text: string) =>
      (
        await test.database.asCaller<Record<string, unknown>>(ben, { text, values: [own], rowMode: 'array' })
      ).rows.map((row) => Object.values(row))
    expect(
      await list(
        'select name, stock, out_of_stock, last_sale_date is not null from public.get_low_stock_items($1)',
      ),
    ).toEqual([
      ['At 0', 0, true, false],
      ['At 4', 4, false, false],
      ['At 10', 7, false, true],
      ['At 9', 8, false, true],
    ])
    expect(await list('select name from public.get_low_stock_items($1, 8)')).toEqual([
      ['At 0'],
      ['At 4'],
      ['At 10'],
    ])
    expect(
      await list(
        'select name from public.get_low_stock_items(p_shop_id => $1, p_threshold => 5, p_include_zero => false)',
      ),
    ).toEqual([['At 4']])
  })

  it('sums a shop up; lines are rounded once, half away from zero, revenue counts what was sold', async () => {
    expect(await value(test.database, ben, sql`select public.get_shop_stats(${own})`)).toEqual({
      total_products: 4,
      total_services: 1,
      total_orders: 2,
      total_revenue: 10.51,
      total_conversations: 0,
      low_stock_count: 4,
    })
  })

  it('answers strangers as if there were no such shop', async () => {
    for (const call of [
      sql`select public.get_shop_stats(${own})`,
      sql`select * from public.get_low_stock_items(${own})`,
    ]) {
      expect(await refusal(test.database.asCaller(ada, call))).toBe('unknown_shop PT404')
      expect(await refusal(test.database.asCaller(stranger, call))).toBe('42501')
    }
    expect(
      await refusal(test.database.asCaller(service, sql`select public.get_shop_stats(gen_random_uuid())`)),
    ).toBe('unknown_shop PT404')
  })
})
