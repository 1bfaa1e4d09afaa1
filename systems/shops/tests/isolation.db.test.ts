import { type Caller, type Statement, sql } from '@plinth/platform/database'
import { actor, service, stranger, testDatabaseTypes, testIsolation } from '@plinth/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, line, openShop, order, refusal, signUp, useShopDatabase, value } from './shop-fixture.ts'

const test = useShopDatabase()
describe('the generated types (S-T2)', () => testDatabaseTypes({ test }))
const admin = actor('admin')
const manager = actor('manager')
const agent = actor('agent')
const outsider = actor('outsider')
const colleagues = [
  [admin, 'Admin'],
  [manager, 'Order Manager'],
  [agent, 'Support Agent'],
] as const

const join = (shopId: string, userId: string, role: string): Statement =>
  sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${userId}, ${role})`

const may = async (caller: Caller, text: string, values: unknown[] = []) =>
  (await test.database.asCaller(caller, { text, values }, { rollback: true }).catch(() => null))?.rowCount ??
  'denied'

describe('no role reaches another shop, on any of the 19 tables and those beside them (AT-29, S-B8)', () => {
  testIsolation({
    system: shops,
    test,
    values: {
      items: { stock: 100 },
      coupons: { code: 'TENTH' },
      keyword_replies: { keywords: ['hello'] },
      order_stock: { demand: {} },
      plans: { currency: 'USD' },
      push_subscriptions: { endpoint: 'a-device-of-somebody', kind: 'fcm' },
      metric_restatements: { causes: '[]', before: {}, after: {} },
      team_invitations: { user_id: actor('invited').userId },
    },
    members: {
      ...Object.fromEntries(
        colleagues.map(([, role]) => [role, ({ tenant, userId }) => join(tenant, userId, role)]),
      ),
      'platform admin': ({ userId }) => sql`update public.profiles set is_admin = true where id = ${userId}`,
    },
  })
})

describe('roles', () => {
  let shopId: string
  let item: string

  beforeAll(async () => {
    shopId = await openShop(test.database, actor('ada'))
    await signUp(test.database, outsider, ...colleagues.map(([person]) => person))
    for (const [{ userId }, role] of colleagues) await test.database.asOwner(join(shopId, userId, role))
    item = await addProduct(test.database, shopId, 'Mug', 100)
  })

  it('open the ledger to those who sell, and close it to support agents', async () => {
    const outcomes = await Promise.all(
      [actor('ada'), admin, manager, agent, outsider, stranger].map(async (caller) => [
        await refusal(
          test.database.asCaller(
            caller,
            sql`select public.process_order_stock_changes('[]', 'X', ${shopId})`,
          ),
        ),
        await refusal(test.database.asCaller(caller, sql`select public.update_stock(${item}, 1, 'x')`)),
        await refusal(
          test.database.asCaller(caller, order(shopId, `BY-${caller.claims.email}`, [line(item, 1)])),
        ),
      ]),
    )
    expect(outcomes).toEqual([
      ...Array.from({ length: 3 }, () => Array.from({ length: 3 }, () => 'nothing was refused')),
      ['forbidden PT403', 'forbidden PT403', '42501'],
      ['unknown_shop PT404', 'nothing was refused', '42501'],
      ['42501', '42501', '42501'],
    ])
    const asOutsider = sql`select public.update_stock(${item}, 1, 'x') ->> 'code'`
    expect(await value(test.database, outsider, asOutsider)).toBe('unknown_item')
  })

  it('let nobody raise themselves', async () => {
    const makeOf = (role: string) =>
      `update public.team_members set role = '${role}' where user_id = $1 and shop_id = $2`
    expect(await may(admin, makeOf('Owner'), [admin.userId, shopId])).toBe(0)
    expect(await may(admin, makeOf('Owner'), [agent.userId, shopId])).toBe('denied')
    expect(await may(agent, makeOf('Owner'), [agent.userId, shopId])).toBe(0)
    expect(await may(admin, makeOf('Order Manager'), [agent.userId, shopId])).toBe(1)
    expect(await may(actor('ada'), makeOf('Admin'), [agent.userId, shopId])).toBe(1)
    const profile = (change: string) => `update public.profiles set ${change} where id = $1`
    expect(await may(agent, profile('is_admin = true'), [agent.userId])).toBe('denied')
    expect(await may(agent, profile(`full_name = 'A'`), [agent.userId])).toBe(1)
  })

  it('keep what a shop pays for out of its own hands', async () => {
    const ada = actor('ada')
    for (const change of [
      `subscription_plan = 'Pro'`,
      `subscription_status = 'active'`,
      'ai_credits_included = 9',
      `owner_id = '${admin.userId}'`,
    ]) {
      expect(await may(ada, `update public.shops set ${change} where id = $1`, [shopId]), change).toBe(
        'denied',
      )
    }
    expect(
      await may(ada, `update public.shops set name = 'New', timezone = 'Asia/Tokyo' where id = $1`, [shopId]),
    ).toBe(1)
    expect(await may(manager, `update public.shops set name = 'New' where id = $1`, [shopId])).toBe(0)
    expect(
      await may(ada, `insert into public.shops (name, owner_id) values ('Mine', $1) returning id`, [
        ada.userId,
      ]),
    ).toBe(1)
    expect(
      await may(ada, `insert into public.shops (name, owner_id) values ('Yours', $1)`, [admin.userId]),
    ).toBe('denied')
    expect(
      await refusal(test.database.asCaller(ada, sql`update public.shops set timezone = 'Mars/Olympus'`)),
    ).toBe('22023')
  })

  it('accept social tokens only sealed, where REST reads nothing, and never a row of another shop (S-B10)', async () => {
    const social = (token: string) =>
      test.database.asCaller(service, {
        text: `with account as (
            insert into public.social_integrations (shop_id, platform) values ($1, 'line')
            on conflict (shop_id, platform) do update set is_active = true returning id
          )
          insert into private.social_tokens (integration_id, access_token_sealed) select id, $2 from account`,
        values: [shopId, Buffer.from(token, 'latin1')],
      })
    expect(await refusal(social('EAAG-a-token-in-the-clear-of-some-length'))).toMatch(/23514$/)
    expect(await refusal(social(`\u0001${'x'.repeat(40)}`))).toBe('nothing was refused')
    const rival = await openShop(test.database, actor('rival'))
    const cross = `insert into public.messages (shop_id, conversation_id, sender)
      select $1, id, 'bot' from public.conversations where shop_id <> $1`
    await test.database.asOwner(sql`insert into public.conversations (shop_id) values (${rival})`)
    expect(await refusal(test.database.asCaller(service, { text: cross, values: [shopId] }))).toMatch(
      /23503$/,
    )
  })
})

/** Rows over all shops; a million with PLINTH_TEST_LONG=1. */
const rows = process.env['PLINTH_TEST_LONG'] === '1' ? 1_000_000 : 15_000

describe(`policies over ${rows} rows of 301 shops (AT-30)`, () => {
  const big = actor('big')
  const perShop = 100
  let shopId: string

  interface Node {
    readonly 'Node Type': string
    readonly 'Relation Name'?: string
    readonly 'Subplan Name'?: string
    readonly 'Actual Rows': number
    readonly 'Actual Loops': number
    readonly 'Shared Hit Blocks': number
    readonly 'Shared Read Blocks': number
    readonly Plans?: readonly Node[]
  }

  beforeAll(async () => {
    const { database } = test
    shopId = await openShop(database, big)
    // A hundred rows of each table are the member's; the others share the rest.
    await database.transactionAsOwner(async ({ query }) => {
      await query(sql`alter table public.items disable trigger user`)
      await query(sql`alter table public.form_submissions disable trigger user`)
      await query(sql`insert into public.shops (name) select 'Shop ' || n from generate_series(1, 300) n`)
      await query(sql`create temp table spread on commit drop as
        select case when n <= ${perShop} then ${shopId}::uuid else others.ids[1 + n % cardinality(others.ids)] end as shop_id, n
        from generate_series(1, ${rows}) n
        cross join (select array_agg(id) as ids from public.shops where id <> ${shopId}) others`)
      await query(
        sql`insert into public.conversations (shop_id, last_message_at) select shop_id, now() - n * interval '1 second' from spread`,
      )
      await query(
        sql`insert into public.items (shop_id, name, stock) select shop_id, 'Item ' || n, 5 from spread`,
      )
      await query(
        sql`insert into public.form_submissions (shop_id, submission_id, submitted_at) select shop_id, 'F-' || n, now() - n * interval '1 second' from spread`,
      )
      await query(sql`insert into public.order_lines (shop_id, order_id, line_no, item_name, quantity, unit_price, amount, amount_minor, currency)
        select shop_id, id, 1, 'Item', 1, 1, 1, 100, 'USD' from public.form_submissions where submission_id like 'F-%'`)
      await query(sql`insert into public.stock_history (shop_id, item_id, change, new_stock, reason)
        select shop_id, id, 5, 5, 'Opening stock' from public.items where name like 'Item %'`)
      await query(sql`alter table public.items enable trigger user`)
      await query(sql`alter table public.form_submissions enable trigger user`)
    })
    for (const table of ['conversations', 'items', 'form_submissions', 'order_lines', 'stock_history']) {
      await database.asOwner({ text: `analyze public.${table}` })
    }
  }, 900_000)

  const flatten = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(flatten)]

  const planOf = async (text: string, values: readonly unknown[] = []) => {
    const ask = () =>
      value<[{ Plan: Node }]>(test.database, big, {
        text: `explain (analyze, buffers, format json) ${text}`,
        values,
      })
    // A connection's first run of a function or a policy reads the catalogue too.
    await ask()
    const plan = await ask()
    return { root: plan[0].Plan, nodes: flatten(plan[0].Plan), text: JSON.stringify(plan) }
  }

  it.each(['conversations', 'items', 'form_submissions', 'order_lines', 'stock_history'])(
    '%s: memberships are asked for once a statement, and only the tenant’s part of an index is read',
    async (table) => {
      const { root, nodes, text } = await planOf(`select * from public.${table}`)
      expect(text).not.toContain('"Seq Scan"')
      expect(text).toContain('"Index Cond":"(shop_id = ANY')
      const asked = nodes.filter((node) => node['Subplan Name']?.startsWith('InitPlan'))
      expect(asked.map((node) => node['Actual Loops'])).toEqual([1])
      expect(root['Actual Rows']).toBeGreaterThanOrEqual(perShop)
      // Pages of the rows asked for, however many others there are: what scattered rows need at the most.
      expect(root['Shared Hit Blocks'] + root['Shared Read Blocks']).toBeLessThan(
        3 * root['Actual Rows'] + 60,
      )
    },
  )

  it.each([
    [
      'the newest ten orders',
      'select * from public.form_submissions where shop_id = $1 order by submitted_at desc limit 10',
      60,
    ],
    [
      'the last movements of an item',
      `select * from public.stock_history where shop_id = $1 and item_id =
        (select id from public.items where shop_id = $1 limit 1) order by seq desc limit 10`,
      60,
    ],
    ['low stock', 'select * from public.get_low_stock_items($1)', 1500],
    ['what is in an order', 'select * from public.order_lines where shop_id = $1 limit 20', 60],
    [
      'stock that is written',
      "update public.items set stock = 6 where shop_id = $1 and name = 'Item 7'",
      500,
    ],
  ])('%s: costs what it returns, not what there is', async (_, text, most) => {
    const { root, text: plan } = await planOf(text, [shopId])
    expect(plan).not.toContain('"Seq Scan"')
    expect(root['Shared Hit Blocks'] + root['Shared Read Blocks']).toBeLessThan(most)
  })
})
