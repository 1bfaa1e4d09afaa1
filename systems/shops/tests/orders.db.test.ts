import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { sql } from '@plinth/platform/database'
import { actor, clusterAddress, service } from '@plinth/testing'
import pg from 'pg'
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

const test = useShopDatabase()
const ada = actor('ada')
let shopId: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
})

const as = (statement: Parameters<typeof test.database.asCaller>[1]) => test.database.asCaller(ada, statement)
const levelOf = async (itemId: string) => (await levelsOf(test.database, shopId, [itemId]))[0]!
const movements = (itemId: string) =>
  value<string>(test.database, null, sql`select count(*) from public.stock_history where item_id = ${itemId}`)

/** Kills a connection of PostgreSQL from outside. */
async function endBackend(pid: number): Promise<void> {
  const admin = new pg.Client({ connectionString: clusterAddress() })
  await admin.connect()
  await admin.query('select pg_terminate_backend($1)', [pid])
  await admin.end()
}

const statuses = ['Pending', 'Confirmed', 'Completed', 'Cancelled', 'Return'] as const
type Status = (typeof statuses)[number]

/** What an order of 4 out of 10 units leaves: on hand and held. */
const levels: Record<Status, readonly [stock: number, held: number]> = {
  Pending: [10, 4],
  Confirmed: [6, 0],
  Completed: [6, 0],
  Cancelled: [10, 0],
  Return: [10, 0],
}

/** Everything else is allowed. */
const refused = new Set([
  'Pending Return',
  'Completed Pending',
  'Cancelled Return',
  'Return Pending',
  'Return Cancelled',
])

/** How an order gets into a status. */
const wayTo: Record<Status, readonly Status[]> = {
  Pending: ['Pending'],
  Confirmed: ['Pending', 'Confirmed'],
  Completed: ['Pending', 'Confirmed', 'Completed'],
  Cancelled: ['Pending', 'Cancelled'],
  Return: ['Pending', 'Completed', 'Return'],
}

describe('the status of an order moves stock, over the whole table of transitions (AT-3, S-B2)', () => {
  const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const))

  it.each(pairs)('%s → %s, and again', async (from, to) => {
    const item = await addProduct(test.database, shopId, `${from} ${to}`, 10)
    const number = `T-${from}-${to}`
    const [first, ...rest] = wayTo[from]
    await as(order(shopId, number, [line(item, 1), line(item, 3)], first))
    for (const status of rest) await as(setStatus(shopId, number, status))
    const expected = refused.has(`${from} ${to}`) ? from : to
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const outcome = await refusal(as(setStatus(shopId, number, to)))
      expect(outcome).toBe(expected === to ? 'nothing was refused' : 'invalid_transition PT409')
      const { stock, held } = await levelOf(item)
      expect([stock, held]).toEqual(levels[expected])
    }
    expect(await findDrift(test.database)).toEqual([])
  })

  it.each(statuses)('an order may begin as %s', async (status) => {
    const item = await addProduct(test.database, shopId, `Begins ${status}`, 10)
    await as(order(shopId, `B-${status}`, [line(item, 4)], status))
    const { stock, held } = await levelOf(item)
    expect([stock, held]).toEqual(levels[status])
  })

  it('the table in SQL covers every pair', async () => {
    const { rows } = await test.database.asOwner<{ pair: string }>(
      sql`select from_status || ' ' || to_status as pair from private.order_transitions where goal is null order by 1`,
    )
    expect(new Set(rows.map(({ pair }) => pair))).toEqual(refused)
    expect(await value(test.database, null, sql`select count(*) from private.order_transitions`)).toBe('25')
  })

  it('ping-pong between confirmed and cancelled nets to nothing', async () => {
    const item = await addProduct(test.database, shopId, 'Ball', 10)
    await as(order(shopId, 'PING', [line(item, 4)]))
    for (const status of ['Confirmed', 'Cancelled', 'Cancelled', 'Confirmed', 'Confirmed', 'Cancelled']) {
      await as(setStatus(shopId, 'PING', status))
    }
    expect(await levelOf(item)).toEqual({ stock: 10, held: 0, available: 10 })
    expect(await movements(item)).toBe('5')
  })

  it('a shop that does not restock returns keeps returned units off the shelf', async () => {
    const item = await addProduct(test.database, shopId, 'Cheese', 10)
    await as(order(shopId, 'CHEESE', [line(item, 4)], 'Completed'))
    await as(sql`update public.shops set restock_returns = false where id = ${shopId}`)
    await as(setStatus(shopId, 'CHEESE', 'Return'))
    expect((await levelOf(item)).stock).toBe(6)
    await as(setStatus(shopId, 'CHEESE', 'Completed'))
    expect((await levelOf(item)).stock).toBe(6)
    await as(sql`update public.shops set restock_returns = true where id = ${shopId}`)
  })
})

describe('lines', () => {
  it('are written as rows, exact in major units and rounded once in minor ones', async () => {
    const item = await addProduct(test.database, shopId, 'Pin', 1000)
    await as(
      order(shopId, 'LINES', [
        line(item, 5, 0.001),
        line(item, 3, '0.335'),
        line(item, 1, '2.125'),
        line(item, 7, 19.99),
      ]),
    )
    const { rows } = await as(
      sql`select l.line_no, l.amount::text, l.amount_minor, l.currency, l.item_name from public.order_lines l
          join public.form_submissions f on f.id = l.order_id where f.submission_id = 'LINES' order by line_no`,
    )
    expect(rows).toEqual([
      { line_no: 1, amount: '0.005', amount_minor: '1', currency: 'USD', item_name: 'Pin' },
      { line_no: 2, amount: '1.005', amount_minor: '101', currency: 'USD', item_name: 'Pin' },
      { line_no: 3, amount: '2.125', amount_minor: '213', currency: 'USD', item_name: 'Pin' },
      { line_no: 4, amount: '139.93', amount_minor: '13993', currency: 'USD', item_name: 'Pin' },
    ])
  })

  it('naming one item twice are checked together (AT-2)', async () => {
    const item = await addProduct(test.database, shopId, 'Twice', 5)
    expect(await refusal(as(order(shopId, 'TWICE-1', [line(item, 3), line(item, 3)])))).toBe(
      'insufficient_stock PT409',
    )
    expect(await refusal(as(order(shopId, 'TWICE-1', [line(item, 3), line(item, 3)], 'Confirmed')))).toBe(
      'insufficient_stock PT409',
    )
    await as(order(shopId, 'TWICE-1', [line(item, 3), line(item, 2)]))
    expect(await levelOf(item)).toEqual({ stock: 5, held: 5, available: 0 })
  })

  it('of services need no stock', async () => {
    const repair = await value<string>(
      test.database,
      ada,
      sql`insert into public.items (shop_id, name, item_type) values (${shopId}, 'Repair', 'service') returning id`,
    )
    await as(order(shopId, 'SERVICE', [line(repair, 3, 40)], 'Confirmed'))
    await as(setStatus(shopId, 'SERVICE', 'Cancelled'))
  })

  it('of a pending order can be edited, all or nothing; those of others cannot', async () => {
    const [a, b] = [
      await addProduct(test.database, shopId, 'Edit A', 10),
      await addProduct(test.database, shopId, 'Edit B', 2),
    ]
    const edit = (lines: unknown) =>
      as(sql`update public.form_submissions set ordered_products = ${JSON.stringify(lines)}::jsonb
             where shop_id = ${shopId} and submission_id = 'EDIT'`)
    await as(order(shopId, 'EDIT', [line(a, 4)]))
    expect(await refusal(edit([line(a, 1), line(b, 3)]))).toBe('insufficient_stock PT409')
    expect((await levelOf(a)).held).toBe(4)
    await edit([line(a, 6), line(b, 2)])
    expect([(await levelOf(a)).held, (await levelOf(b)).held]).toEqual([6, 2])
    await edit([line(b, 1)])
    expect([(await levelOf(a)).held, (await levelOf(b)).held]).toEqual([0, 1])
    await as(sql`update public.form_submissions set status = 'Confirmed', ordered_products = ${JSON.stringify([line(a, 2)])}::jsonb
                 where shop_id = ${shopId} and submission_id = 'EDIT'`)
    expect([await levelOf(a), await levelOf(b)]).toMatchObject([
      { stock: 8, held: 0 },
      { stock: 2, held: 0 },
    ])
    expect(await refusal(edit([line(a, 1)]))).toBe('order_lines_fixed PT409')
    await edit([line(a, 2)])
    expect(await findDrift(test.database)).toEqual([])
  })

  it.each([
    ['a quantity of 0', (id: string) => [line(id, 0)]],
    ['a negative quantity', (id: string) => [line(id, -1)]],
    ['half a unit', (id: string) => [line(id, 1.5)]],
    ['a huge quantity', (id: string) => [line(id, 1e30)]],
    ['a quantity as text', (id: string) => [{ productId: id, quantity: '2', unitPrice: 1 }]],
    ['no quantity', (id: string) => [{ productId: id, unitPrice: 1 }]],
    ['no price', (id: string) => [{ productId: id, quantity: 1 }]],
    ['a negative price', (id: string) => [line(id, 1, -1)]],
    ['a price that is no number', (id: string) => [line(id, 1, '1e5')]],
    ['a huge price', (id: string) => [line(id, 1, 1e300)]],
    ['an id that is none', () => [line('mug', 1)]],
    ['an unknown item', () => [line('11111111-1111-4111-8111-111111111111', 1)]],
    ['an object in place of lines', (id: string) => line(id, 1)],
    ['a text in place of lines', () => 'two mugs'],
    ['null in place of lines', () => null],
    ['a line that is a number', (id: string) => [line(id, 1), 7]],
    ['a line that is null', (id: string) => [line(id, 1), null]],
    ['5001 lines', (id: string) => Array.from({ length: 5001 }, () => line(id, 1))],
  ])('with %s are refused, nothing half-done', async (name, linesOf) => {
    const item = await addProduct(test.database, shopId, name, 10)
    expect(await refusal(as(order(shopId, 'BAD', linesOf(item))))).toBe('invalid_order_lines PT422')
    expect(await levelOf(item)).toEqual({ stock: 10, held: 0, available: 10 })
    expect(
      await value(
        test.database,
        ada,
        sql`select count(*) from public.form_submissions where submission_id = 'BAD'`,
      ),
    ).toBe('0')
  })

  it('of an item of another shop are refused like unknown ones', async () => {
    const other = await openShop(test.database, actor('ben'))
    const foreign = await addProduct(test.database, other, 'Foreign', 10)
    expect(await refusal(as(order(shopId, 'FOREIGN', [line(foreign, 1)])))).toBe('invalid_order_lines PT422')
    expect((await levelsOf(test.database, other, [foreign]))[0]).toMatchObject({ stock: 10, held: 0 })
  })

  it('of imported orders may be negative, and only the service role imports', async () => {
    const item = await addProduct(test.database, shopId, 'Credit', 10)
    const imported = sql`insert into public.form_submissions (shop_id, submission_id, status, imported, submitted_at, ordered_products)
      values (${shopId}, 'C-1', 'Completed', true, '2010-12-01T08:00:00Z', ${JSON.stringify([line(item, -3, '-0.001')])}::jsonb)`
    expect(await refusal(as(imported))).toBe('forbidden PT403')
    await test.database.asCaller(service, imported)
    expect((await levelOf(item)).stock).toBe(13)
    expect(
      await value(
        test.database,
        ada,
        sql`select to_json(timestamp) from public.stock_history where order_ref = 'C-1'`,
      ),
    ).toBe('2010-12-01T08:00:00+00:00')
  })
})

describe('orders', () => {
  it('are all or nothing, and a bulk insert too', async () => {
    const [a, b] = [
      await addProduct(test.database, shopId, 'All A', 10),
      await addProduct(test.database, shopId, 'All B', 1),
    ]
    expect(await refusal(as(order(shopId, 'ALL', [line(a, 5), line(b, 2)])))).toBe('insufficient_stock PT409')
    const bulk = sql`insert into public.form_submissions (shop_id, submission_id, ordered_products) values
      (${shopId}, 'BULK-1', ${JSON.stringify([line(a, 6)])}::jsonb), (${shopId}, 'BULK-2', ${JSON.stringify([line(a, 5)])}::jsonb)`
    expect(await refusal(as(bulk))).toBe('insufficient_stock PT409')
    expect([(await levelOf(a)).held, (await levelOf(b)).held]).toEqual([0, 0])
  })

  it('name every short item with what was wanted and what there is', async () => {
    const [a, b] = [
      await addProduct(test.database, shopId, 'Short A', 1),
      await addProduct(test.database, shopId, 'Short B', 2),
    ]
    const failed = (await as(order(shopId, 'SHORT', [line(a, 5), line(b, 5)])).catch(
      (error: unknown) => error,
    )) as {
      message: string
      detail: string
    }
    expect(failed.message).toBe(
      'Insufficient stock: Short A (wanted 5, available 1), Short B (wanted 5, available 2).',
    )
    expect(JSON.parse(failed.detail)).toEqual({
      code: 'insufficient_stock',
      items: [
        { item_id: a, name: 'Short A', wanted: 5, available: 1 },
        { item_id: b, name: 'Short B', wanted: 5, available: 2 },
      ],
    })
  })

  it('keep id, shop and number, and their number is theirs alone in the shop', async () => {
    const item = await addProduct(test.database, shopId, 'Same', 10)
    await as(order(shopId, 'SAME', [line(item, 1)]))
    expect(await refusal(as(order(shopId, 'SAME', [line(item, 1)])))).toBe(
      'form_submissions_shop_id_submission_id_key 23505',
    )
    const renumber = sql`update public.form_submissions set submission_id = 'OTHER' where submission_id = 'SAME'`
    expect(await refusal(as(renumber))).toBe('order_identity_fixed PT422')
    expect((await levelOf(item)).held).toBe(1)
  })

  it.each([
    [
      'number and lines',
      `submission_id = 'PATCHED-2', ordered_products = '[]'`,
      'order_identity_fixed PT422',
    ],
    ['shop and status', `shop_id = gen_random_uuid(), status = 'Confirmed'`, 'order_identity_fixed PT422'],
    ['imported', `imported = true, status = 'Completed'`, 'order_identity_fixed PT422'],
    [
      'lines to nothing, and a status that cannot follow',
      `ordered_products = '[]', status = 'Return'`,
      'invalid_transition PT409',
    ],
    [
      'lines to text, confirmed',
      `ordered_products = '"two mugs"', status = 'Confirmed'`,
      'invalid_order_lines PT422',
    ],
    ['lines to null', `ordered_products = null`, 'ordered_products 23502'],
  ])('refuse one PATCH of %s, and change nothing', async (name, change, expected) => {
    const item = await addProduct(test.database, shopId, `Patched: ${name}`, 10)
    const number = `PATCH-${name}`
    await as(order(shopId, number, [line(item, 4)]))
    const patch = {
      text: `update public.form_submissions set ${change} where submission_id = $1`,
      values: [number],
    }
    expect(expected).toContain(await refusal(as(patch)))
    expect(await levelOf(item)).toEqual({ stock: 10, held: 4, available: 6 })
    expect(
      await value(
        test.database,
        ada,
        sql`select status from public.form_submissions where submission_id = ${number}`,
      ),
    ).toBe('Pending')
  })

  it('can be deleted unless they took stock', async () => {
    const item = await addProduct(test.database, shopId, 'Delete', 10)
    const remove = (number: string) =>
      as(sql`delete from public.form_submissions where submission_id = ${number}`)
    await as(order(shopId, 'DEL-1', [line(item, 2)]))
    await as(order(shopId, 'DEL-2', [line(item, 3)], 'Confirmed'))
    await remove('DEL-1')
    expect(await refusal(remove('DEL-2'))).toBe('order_in_effect PT409')
    expect(await levelOf(item)).toEqual({ stock: 7, held: 0, available: 7 })
  })
})

describe('holds of pending orders run out (AT-4)', () => {
  /** As a process that placed its order at an earlier time and was killed before it went on. */
  const placeAt = (instant: string, number: string, lines: unknown) =>
    test.database.transactionAsOwner(async ({ query }) => {
      await query(sql`select set_config('plinth.clock', ${instant}, true)`)
      await query(order(shopId, number, lines))
    })
  const before = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()

  it('and their units are free at once, before anything swept them', async () => {
    const item = await addProduct(test.database, shopId, 'Dead', 5)
    await placeAt(before(71), 'DEAD-1', [line(item, 2)])
    await placeAt(before(73), 'DEAD-2', [line(item, 3)])
    expect(await levelOf(item)).toEqual({ stock: 5, held: 2, available: 3 })
    await as(order(shopId, 'LIVE', [line(item, 3)]))
    expect(await levelOf(item)).toEqual({ stock: 5, held: 5, available: 0 })
    expect(await refusal(as(setStatus(shopId, 'DEAD-2', 'Confirmed')))).toBe('insufficient_stock PT409')
    await as(setStatus(shopId, 'DEAD-1', 'Confirmed'))
    await as(setStatus(shopId, 'LIVE', 'Cancelled'))
    await as(setStatus(shopId, 'DEAD-2', 'Confirmed'))
    expect(await levelOf(item)).toEqual({ stock: 0, held: 0, available: 0 })
    expect(await findDrift(test.database)).toEqual([])
  })

  it('and are cleared away by the job', async () => {
    const item = await addProduct(test.database, shopId, 'Prune', 5)
    await placeAt(before(73), 'PRUNE', [line(item, 2)])
    expect(await value(test.database, null, sql`select plinth.prune_holds() > 0`)).toBe(true)
    expect(await value(test.database, null, sql`select held from plinth.pools where thing = ${item}`)).toBe(
      '0',
    )
    await as(setStatus(shopId, 'PRUNE', 'Cancelled'))
    expect(await levelOf(item)).toEqual({ stock: 5, held: 0, available: 5 })
  })

  it('a process killed between hold and commit leaves a hold that runs out, and loses nothing (kill -9)', async () => {
    const item = await addProduct(test.database, shopId, 'Killed', 5)
    const { text, values } = order(shopId, 'KILLED', [line(item, 3)])
    const script = `import pg from 'pg'
      const [url, text, values] = process.argv.slice(1)
      const client = new pg.Client(url)
      await client.connect()
      await client.query(text, JSON.parse(values))
      await client.query('begin')
      await client.query("update public.form_submissions set status = 'Confirmed' where submission_id = 'KILLED'")
      console.log('held')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      test.database.addresses.ownerDirect,
      text,
      JSON.stringify(values),
    ])
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    expect(await levelOf(item)).toEqual({ stock: 5, held: 3, available: 2 })
    const later = sql`select available from plinth.availability('stock', array[${item}::uuid], now() + interval '73 hours')`
    expect(await value(test.database, null, later)).toBe('5')
    await as(setStatus(shopId, 'KILLED', 'Confirmed'))
    expect(await levelOf(item)).toEqual({ stock: 2, held: 0, available: 2 })
    expect(await findDrift(test.database)).toEqual([])
  })

  it('a backend that dies in the middle of an order leaves nothing behind', async () => {
    const item = await addProduct(test.database, shopId, 'Crash', 5)
    const crash = test.database.transactionAs(ada, async ({ query }) => {
      await query(order(shopId, 'CRASH', [line(item, 2)], 'Confirmed'))
      const { rows } = await query<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      await endBackend(rows[0]!.pid)
      await query(sql`select 1`)
    })
    await expect(crash).rejects.toThrow()
    expect(await levelOf(item)).toEqual({ stock: 5, held: 0, available: 5 })
    await as(order(shopId, 'CRASH', [line(item, 2)], 'Confirmed'))
  })
})

it('pools and holds can be made anew from items and orders, the earliest first', async () => {
  const own = await openShop(test.database, actor('rebuild'))
  const item = await addProduct(test.database, own, 'Rebuilt', 10)
  const other = await addProduct(test.database, own, 'Untouched', 3)
  for (const number of ['R-1', 'R-2', 'R-3']) await test.database.asOwner(order(own, number, [line(item, 3)]))
  await test.database.asOwner(sql`delete from plinth.holds where thing = ${item}`)
  await test.database.asOwner(sql`update plinth.pools set held = 0, on_hand = 99 where thing = ${item}`)
  const rebuild = sql`select * from private.rebuild_stock(${own})`
  expect((await test.database.asOwner(rebuild)).rows).toEqual([
    { item_id: item, held: '9', left_unheld: '0' },
  ])
  expect(await levelsOf(test.database, own, [item, other])).toEqual([
    { stock: 10, held: 9, available: 1 },
    { stock: 3, held: 0, available: 3 },
  ])
  await test.database.transactionAsOwner(async ({ query }) => {
    await query(sql`delete from plinth.holds where key = ${`${own}:R-3`}`)
    await query(sql`update plinth.pools set held = 6 where thing = ${item}`)
    await query(sql`update public.items set stock = 7 where id = ${item}`)
  })
  expect((await test.database.asOwner(rebuild)).rows).toEqual([
    { item_id: item, held: '6', left_unheld: '3' },
  ])
  expect(await findDrift(test.database)).toEqual([])
  await test.database.asOwner(setStatus(own, 'R-1', 'Confirmed'))
  expect(await refusal(test.database.asOwner(setStatus(own, 'R-3', 'Confirmed')))).toBe(
    'insufficient_stock PT409',
  )
})

describe('process_order_stock_changes (S-D2)', () => {
  const process = (items: unknown, orderId: string | null, shop = shopId) =>
    value<Record<string, unknown>>(
      test.database,
      ada,
      sql`select public.process_order_stock_changes(${JSON.stringify(items)}::jsonb, ${orderId}, ${shop})`,
    )

  it('takes the units once, however often it is called', async () => {
    const item = await addProduct(test.database, shopId, 'Once', 10)
    const wish = [
      { item_id: item, quantity: 2 },
      { item_id: item, quantity: 1 },
    ]
    for (let call = 0; call < 3; call += 1) {
      expect(await process(wish, 'ONCE')).toEqual({ success: true, processed: 2, errors: [] })
    }
    expect((await levelOf(item)).stock).toBe(7)
    expect(await process([{ item_id: item, quantity: 4 }], 'ONCE')).toEqual({
      success: false,
      processed: 0,
      errors: [{ code: 'order_body_differs', error: 'Order ONCE is known with other items or quantities.' }],
    })
    expect((await levelOf(item)).stock).toBe(7)
  })

  it('takes all or nothing and lists every line that fails', async () => {
    const [a, b] = [
      await addProduct(test.database, shopId, 'Fail A', 1),
      await addProduct(test.database, shopId, 'Fail B', 2),
    ]
    expect(
      await process(
        [
          { item_id: a, quantity: 1 },
          { item_id: b, quantity: 2 },
          { item_id: b, quantity: 1 },
        ],
        'FAIL',
      ),
    ).toEqual({
      success: false,
      processed: 0,
      errors: [
        {
          code: 'insufficient_stock',
          item_id: b,
          error: 'Insufficient stock of Fail B',
          requested: 3,
          available: 2,
        },
      ],
    })
    expect([(await levelOf(a)).stock, (await levelOf(b)).stock]).toEqual([1, 2])
    expect(await process([{ item_id: a, quantity: 1 }], 'FAIL')).toMatchObject({ success: true })
  })

  it.each([
    ['null', null],
    ['an empty list', []],
    ['an object', { item_id: 'x', quantity: 1 }],
    ['no id', [{ quantity: 1 }]],
    ['a fractional quantity', [{ item_id: '11111111-1111-4111-8111-111111111111', quantity: 0.5 }]],
    ['a quantity of 0', [{ item_id: '11111111-1111-4111-8111-111111111111', quantity: 0 }]],
    ['a line that is text', ['mug']],
  ])('refuses %s', async (_, items) => {
    expect(await process(items, 'WRONG')).toMatchObject({
      success: false,
      processed: 0,
      errors: [{ code: 'invalid_order_items' }],
    })
  })

  it('refuses unknown items, foreign shops and empty order ids', async () => {
    const strange = [{ item_id: '11111111-1111-4111-8111-111111111111', quantity: 1 }]
    expect(await process(strange, 'STRANGE')).toMatchObject({ errors: [{ code: 'unknown_item', line: 1 }] })
    expect(await process(strange, '')).toMatchObject({ errors: [{ code: 'invalid_order_items' }] })
    expect(await process(strange, null)).toMatchObject({ errors: [{ code: 'invalid_order_items' }] })
    const foreign = await openShop(test.database, actor('eve'))
    expect(await refusal(process(strange, 'X', foreign))).toBe('unknown_shop PT404')
  })

  it('and an order of the same number are one: its units are taken once and given back once', async () => {
    const item = await addProduct(test.database, shopId, 'One', 10)
    await as(order(shopId, 'ONE', [line(item, 4)]))
    expect(await process([{ item_id: item, quantity: 4 }], 'ONE')).toMatchObject({ success: true })
    expect(await levelOf(item)).toEqual({ stock: 6, held: 0, available: 6 })
    await as(setStatus(shopId, 'ONE', 'Confirmed'))
    expect((await levelOf(item)).stock).toBe(6)
    await as(setStatus(shopId, 'ONE', 'Cancelled'))
    expect((await levelOf(item)).stock).toBe(10)
    expect(await process([{ item_id: item, quantity: 4 }], 'ONE')).toMatchObject({
      errors: [{ code: 'order_closed' }],
    })
  })

  it('may come before its order, which must then say the same', async () => {
    const item = await addProduct(test.database, shopId, 'Early', 10)
    await process([{ item_id: item, quantity: 4 }], 'EARLY')
    expect(await refusal(as(order(shopId, 'EARLY', [line(item, 5)])))).toBe('order_body_differs PT409')
    await as(order(shopId, 'EARLY', [line(item, 4)]))
    expect(await levelOf(item)).toEqual({ stock: 6, held: 0, available: 6 })
    await as(setStatus(shopId, 'EARLY', 'Cancelled'))
    expect(await levelOf(item)).toEqual({ stock: 10, held: 0, available: 10 })
  })
})
