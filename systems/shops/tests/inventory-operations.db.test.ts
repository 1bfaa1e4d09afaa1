import { scopeDatabase, sql } from '@plinth/platform/database'
import type { ErrorFactory } from '@plinth/platform/kernel'
import { actor, service } from '@plinth/testing'
import { type Asker, useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { shopErrors } from '../errors.ts'
import { shops } from '../system.ts'
import { addProduct, levelsOf, line, openShop, order, setStatus, signUp } from './shop-fixture.ts'

const test = useSystem(shops)
const ada = actor('ada')
const agent = actor('agent')
let shopId: string
let mug: string

beforeAll(async () => {
  shopId = await openShop(test.database, ada)
  await signUp(test.database, agent)
  await test.database.asOwner(
    sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${agent.userId}, 'Support Agent')`,
  )
  mug = await addProduct(test.database, shopId, 'Mug', 10)
})

const ask = (body: unknown, as: Asker = ada) => test.call('inventory-operations', body, { as })

/** The data of an answer that must go well. */
async function call(body: unknown, as?: Asker): Promise<unknown> {
  const answer = await ask(body, as)
  expect(answer).toMatchObject({ status: 200, body: { success: true } })
  return answer.body.data
}

/** Its code, with the status of the catalogue. */
const codeOf = async (body: unknown, as?: Asker): Promise<string> => {
  const { status, body: answer } = await ask(body, as)
  const code = String(answer.code)
  const known: Readonly<Record<string, ErrorFactory>> = shopErrors
  if (known[code]) expect(status, code).toBe(known[code].definition.status)
  return code
}

describe('inventory-operations (S-F1)', () => {
  it('update: changes stock', async () => {
    expect(await call({ action: 'update', itemId: mug, change: -1, reason: 'Broken' })).toEqual({
      success: true,
      item_id: mug,
      previous_stock: 10,
      change: -1,
      new_stock: 9,
    })
    expect(await call({ action: 'update', itemId: mug, change: 1 }, 'service')).toMatchObject({
      new_stock: 10,
    })
  })

  it('process_order: takes the units of an order once', async () => {
    const body = {
      action: 'process_order',
      shopId,
      orderId: 'F-1',
      orderItems: [{ item_id: mug, quantity: 2 }],
    }
    expect(await call(body)).toEqual({ success: true, processed: 1, errors: [] })
    expect(await call(body)).toEqual({ success: true, processed: 1, errors: [] })
    expect((await levelsOf(test.database, shopId, [mug]))[0]).toEqual({ stock: 8, held: 0, available: 8 })
  })

  it('get_low_stock: lists what runs low', async () => {
    const listed = (await call({ action: 'get_low_stock', shopId })) as unknown[]
    expect(listed).toEqual([
      {
        id: mug,
        name: 'Mug',
        stock: 8,
        category: null,
        last_sale_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        out_of_stock: false,
      },
    ])
    expect(await call({ action: 'get_low_stock', shopId, threshold: 8 })).toEqual([])
    expect(await call({ action: 'get_low_stock', shopId, threshold: null })).toHaveLength(1)
  })

  it('answers each refusal with its error', async () => {
    const repair = (
      await test.database.asCaller<{ id: string }>(
        ada,
        sql`insert into public.items (shop_id, name, item_type) values (${shopId}, 'Repair', 'service') returning id`,
      )
    ).rows[0]!.id
    await test.database.asCaller(ada, order(shopId, 'CLOSED', [line(mug, 1)], 'Confirmed'))
    await test.database.asCaller(ada, setStatus(shopId, 'CLOSED', 'Cancelled'))
    const unknown = '11111111-1111-4111-8111-111111111111'
    const update = (itemId: string, change: number) => ({ action: 'update', itemId, change })
    const process = (orderId: string, item: string, quantity: unknown, shop = shopId) => ({
      action: 'process_order',
      shopId: shop,
      orderId,
      orderItems: [{ item_id: item, quantity }],
    })
    const codes = {
      unknown_shop: await codeOf({ action: 'get_low_stock', shopId: unknown }),
      unknown_item: await codeOf(update(unknown, 1)),
      forbidden: await codeOf(update(mug, 1), agent),
      invalid_change: await codeOf(update(mug, 0)),
      services_have_no_stock: await codeOf(update(repair, 1)),
      stock_too_large: await codeOf(update(mug, 2_147_483_647)),
      insufficient_stock: await codeOf(update(mug, -1000)),
      invalid_order_items: await codeOf(process('X', mug, 'two')),
      order_body_differs: await codeOf(process('F-1', mug, 3)),
      order_closed: await codeOf(process('CLOSED', mug, 1)),
    }
    expect(codes).toEqual(Object.fromEntries(Object.keys(codes).map((code) => [code, code])))
    expect(await codeOf(process('X', unknown, 1))).toBe('unknown_item')
    expect(await codeOf(process('X', mug, 1000))).toBe('insufficient_stock')
    expect(await codeOf(process('X', mug, 1, unknown))).toBe('unknown_shop')
  })

  it.each([
    ['an unknown action', { action: 'give', itemId: 'x' }],
    ['no action', { itemId: 'x', change: 1 }],
    [
      'a change that is no integer',
      { action: 'update', itemId: '11111111-1111-4111-8111-111111111111', change: 1.5 },
    ],
    [
      'a change past 32 bits',
      { action: 'update', itemId: '11111111-1111-4111-8111-111111111111', change: 2 ** 31 },
    ],
    ['an id that is none', { action: 'update', itemId: 'mug', change: 1 }],
    [
      'items that are no list',
      {
        action: 'process_order',
        shopId: '11111111-1111-4111-8111-111111111111',
        orderId: 'X',
        orderItems: {},
      },
    ],
    ['null', null],
  ])('refuses %s before it reaches the database', async (_, body) => {
    expect(await codeOf(body)).toBe('invalid_input')
  })
})

describe('the shop system', () => {
  it('prunes expired holds by its job', async () => {
    const item = await addProduct(test.database, shopId, 'Held', 5)
    await test.database.asCaller(ada, order(shopId, 'JOB', [line(item, 2)]))
    await test.database.asOwner(sql`update plinth.holds set expires_at = '2026-01-01' where thing = ${item}`)
    await test.jobs.run('prune-expired-holds')
    const { rows } = await test.database.asOwner(sql`select held from plinth.pools where thing = ${item}`)
    expect(rows).toEqual([{ held: '0' }])
  })

  it('takes those for admins whom the service role made so', async () => {
    const db = scopeDatabase(test.database, service)
    expect(await shops.roles?.of(db, ada.userId)).toEqual([])
    await test.database.asCaller(
      service,
      sql`update public.profiles set is_admin = true where id = ${ada.userId}`,
    )
    expect(await shops.roles?.of(db, ada.userId)).toEqual(['admin'])
  })
})

it('whatever SQL raises is in the catalogue, with the same status', async () => {
  const { rows } = await test.database.asOwner<{ code: string; status: number }>(sql`
    select distinct found[1] as code, found[2]::integer as status
    from pg_proc p
    cross join regexp_matches(p.prosrc, 'plinth\\.refuse\\(\\s*''(\\w+)'',\\s*(\\d+)', 'g') found
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
    order by 1`)
  expect(rows.length).toBeGreaterThan(10)
  const catalogue: Readonly<Record<string, { readonly definition: { readonly status: number } }>> = shopErrors
  expect(rows.map(({ code }) => ({ code, status: catalogue[code]?.definition.status }))).toEqual(rows)
})
