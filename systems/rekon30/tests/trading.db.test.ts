import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { rekon30 } from '../system.ts'
import { admin, appointAdmin, ask, askAt, openBusiness, refusal } from './rekon30-fixture.ts'

const system = useSystem(rekon30)
const [owner, worker, manager, outsider] = ['ama', 'esi', 'yaw', 'kofi'].map(actor) as [
  ReturnType<typeof actor>,
  ReturnType<typeof actor>,
  ReturnType<typeof actor>,
  ReturnType<typeof actor>,
]
let business: string
let customer: string

const join = (userId: string, role: string) =>
  system.database.asOwner(
    sql`insert into public.business_members (business_id, user_id, role) values (${business}, ${userId}, ${role})`,
  )

beforeAll(async () => {
  await appointAdmin(system)
  business = await openBusiness(system, owner, 'TRADING-1')
  await system.signUp(worker, manager, outsider)
  await join(worker.userId, 'worker')
  await join(manager.userId, 'manager')
  customer = await ask(
    system.database,
    owner,
    sql`insert into public.customers (business_id, name) values (${business}, 'Abena') returning id`,
  )
})

const addProduct = async (name: string, price: number, stock: number, cost?: number) => {
  const id = await ask<string>(
    system.database,
    owner,
    sql`insert into public.products (business_id, name, price) values (${business}, ${name}, ${price}) returning id`,
  )
  if (cost !== undefined)
    await ask(
      system.database,
      owner,
      sql`insert into public.product_costs (product_id, business_id, unit_cost) values (${id}, ${business}, ${cost})`,
    )
  if (stock > 0)
    await ask(system.database, owner, sql`select public.adjust_stock(${id}, ${stock}, 'opening')`)
  return id
}

interface Sold {
  readonly sale_id: string
  readonly sale_number: number
  readonly total: number
  readonly due: number
  readonly duplicate?: boolean
}

const sell = (
  lines: object[],
  payments: object[],
  more: { as?: typeof owner; customer?: string; clientId?: string; discount?: number } = {},
) =>
  ask<Sold>(
    system.database,
    more.as ?? worker,
    sql`select public.record_sale(${business}, ${JSON.stringify(lines)}::jsonb, ${JSON.stringify(payments)}::jsonb,
      ${more.customer ?? null}, ${more.discount ?? 0}, ${more.clientId ?? null})`,
  )

const cash = (amount: number) => [{ amount, method: 'cash' }]

const stockOf = (product: string) =>
  askAt<string>(system.database, '', sql`select stock::float8 from public.products where id = ${product}`)

/** Products whose stock is not the sum of their movements, or whose last movement tells another stock. */
const drift = () =>
  askAt<number>(
    system.database,
    '',
    sql`select count(*)::int from public.products p
        cross join lateral (select coalesce(sum(change), 0) as total, (array_agg(new_stock order by seq desc))[1] as last
          from public.stock_movements where product_id = p.id) m
        where p.stock <> m.total or p.stock <> coalesce(m.last, 0)`,
  )

describe('a sale', () => {
  it('takes goods from the shelf, money into the drawer, and the next number', async () => {
    const rice = await addProduct('Rice', 12.5, 10, 9)
    const first = await sell([{ product_id: rice, quantity: 2.5 }], cash(31.25))
    const second = await sell([{ product_id: rice, quantity: 1 }], cash(12.5))
    expect(first).toMatchObject({ total: 31.25, due: 0 })
    expect(second.sale_number).toBe(first.sale_number + 1)
    expect(await stockOf(rice)).toBe(6.5)
    const receipt = await ask(system.database, worker, sql`select public.receipt(${first.sale_id})`)
    expect(receipt).toMatchObject({
      lines: [{ description: 'Rice', quantity: 2.5, unit_price: 12.5, amount: 31.25 }],
      payments: [{ method: 'cash', amount: 31.25 }],
    })
  })

  it('is made once, however often the till sends it', async () => {
    const oil = await addProduct('Oil', 20, 5)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        sell([{ product_id: oil, quantity: 1 }], cash(20), { clientId: 'till-1-77' }),
      ),
    )
    expect(new Set(outcomes.map(({ sale_id }) => sale_id)).size).toBe(1)
    expect(outcomes.filter(({ duplicate }) => duplicate)).toHaveLength(7)
    expect(await stockOf(oil)).toBe(4)
  })

  it('never sells what is not there, whoever sells at once, and leaves no gap in the numbers', async () => {
    const soap = await addProduct('Soap', 3, 10)
    const outcomes = await Promise.all(
      Array.from({ length: 25 }, () => refusal(sell([{ product_id: soap, quantity: 1 }], cash(3)))),
    )
    expect(outcomes.filter((outcome) => outcome === 'nothing was refused')).toHaveLength(10)
    expect(outcomes.filter((outcome) => outcome === 'insufficient_stock PT409')).toHaveLength(15)
    expect(await stockOf(soap)).toBe(0)
    const gaps = sql`select max(sale_number) - count(*) from public.sales where business_id = ${business}`
    expect(Number(await askAt(system.database, '', gaps))).toBe(0)
    expect(await drift()).toBe(0)
  })

  it.each([
    ['nothing in it', [], [], 'invalid_sale PT400'],
    ['a quantity below 0', [{ description: 'x', quantity: -1, unit_price: 1 }], [], 'forbidden PT403'],
    [
      'a thousandth of a gram',
      [{ description: 'x', quantity: 0.0001, unit_price: 1 }],
      cash(1),
      'invalid_sale PT400',
    ],
    [
      'a quantity in words',
      [{ description: 'x', quantity: 'one', unit_price: 1 }],
      cash(1),
      'invalid_sale PT400',
    ],
    [
      'goods of nobody',
      [{ product_id: '11111111-1111-4111-8111-111111111111', quantity: 1 }],
      cash(1),
      'unknown_product PT404',
    ],
    [
      'a payment without a method',
      [{ description: 'x', quantity: 1, unit_price: 1 }],
      [{ amount: 1 }],
      'invalid_payment PT400',
    ],
    [
      'more money than it costs',
      [{ description: 'x', quantity: 1, unit_price: 1 }],
      cash(2),
      'paid_too_much PT422',
    ],
    ['a debt of nobody', [{ description: 'x', quantity: 1, unit_price: 1 }], [], 'payment_required PT422'],
  ] as const)('is refused with %s', async (_, lines, payments, code) => {
    const before = await askAt(system.database, '', sql`select count(*) from public.sales`)
    const by = code.startsWith('forbidden') ? worker : owner
    const outcome = await refusal(sell([...lines], [...payments], { as: by }))
    // A worker's own price is refused before anything else of the line is.
    expect(['invalid_sale PT400', code]).toContain(outcome)
    expect(await askAt(system.database, '', sql`select count(*) from public.sales`)).toBe(before)
  })

  it('is at the product’s price where a worker sells', async () => {
    const tea = await addProduct('Tea', 5, 10)
    const cheap = [{ product_id: tea, quantity: 1, unit_price: 1 }]
    expect(await refusal(sell(cheap, cash(1)))).toBe('forbidden PT403')
    expect(await refusal(sell([{ product_id: tea, quantity: 1 }], cash(4), { discount: 1 }))).toBe(
      'forbidden PT403',
    )
    expect(await sell(cheap, cash(1), { as: manager })).toMatchObject({ total: 1 })
    expect(await sell([{ product_id: tea, quantity: 1 }], cash(4), { discount: 1, as: owner })).toMatchObject(
      { total: 4 },
    )
    expect(await refusal(sell(cheap, cash(1), { as: outsider }))).toBe('unknown_business PT404')
  })

  it('is taken back whole: goods to the shelf, money to the customer, its number kept', async () => {
    const salt = await addProduct('Salt', 2, 10)
    const sold = await sell([{ product_id: salt, quantity: 4 }], cash(3), { customer })
    const reverse = (as = owner) =>
      ask(system.database, as, sql`select public.void_sale(${sold.sale_id}, 'dropped')`)
    expect(await refusal(reverse(worker))).toBe('forbidden PT403')
    await Promise.all([reverse(), reverse(manager)])
    expect(await stockOf(salt)).toBe(10)
    const left = await ask(
      system.database,
      owner,
      sql`select balance::float8 from public.customer_balances where customer_id = ${customer}`,
    )
    expect(left).toBe(0)
    expect(await drift()).toBe(0)
  })
})

describe('a customer', () => {
  it('owes what was not paid, pays in parts, and reads it in a statement', async () => {
    const sold = await sell([{ description: 'Delivery', quantity: 1, unit_price: 100 }], cash(30), {
      customer,
      as: owner,
    })
    expect(sold.due).toBe(70)
    const pay = (amount: number, id: string) =>
      ask(
        system.database,
        worker,
        sql`select public.record_payment(${business}, ${amount}, 'mobile_money', ${sold.sale_id}, null, null, ${id})`,
      )
    expect(await pay(50, 'p1')).toMatchObject({ balance: 20 })
    expect(await pay(50, 'p1')).toMatchObject({ duplicate: true })
    expect(await refusal(pay(30, 'p2'))).toBe('paid_too_much PT422')
    await pay(20, 'p3')
    const { rows } = await system.database.asCaller<{ entry: string; balance: string }>(
      owner,
      sql`select entry, balance::float8 from public.customer_statement(${customer})`,
    )
    expect(rows.at(-1)).toEqual({ entry: 'payment', balance: 0 })
  })

  it('does not owe more than the limit', async () => {
    const poor = await ask<string>(
      system.database,
      owner,
      sql`insert into public.customers (business_id, name) values (${business}, 'Kojo') returning id`,
    )
    await ask(
      system.database,
      owner,
      sql`update public.customers set credit_limit = 10 where id = ${poor} returning 1`,
    )
    const buy = (price: number) =>
      sell([{ description: 'x', quantity: 1, unit_price: price }], [], { customer: poor, as: owner })
    await buy(10)
    expect(await refusal(buy(1))).toBe('credit_limit PT422')
  })
})

describe('workers', () => {
  it('see no costs, no wages, no closes, and write no facts', async () => {
    for (const table of [
      'product_costs',
      'wage_entries',
      'workers',
      'daily_closes',
      'stock_movements',
      'payment_records',
    ])
      expect([
        table,
        Number(await ask(system.database, worker, { text: `select count(*) from public.${table}` })),
      ]).toEqual([table, 0])
    expect(await refusal(ask(system.database, worker, sql`update public.products set stock = 99`))).toBe(
      '42501',
    )
    expect(
      await refusal(
        ask(
          system.database,
          worker,
          sql`select private.move_stock(${business}, ${business}, 'count', 1, null, null)`,
        ),
      ),
    ).toBe('42501')
  })

  it('earn once a day, and are owed what was not paid', async () => {
    const hand = await ask<string>(
      system.database,
      owner,
      sql`insert into public.workers (business_id, name, wage_amount, wage_period) values (${business}, 'Kwame', 60, 'day') returning id`,
    )
    const wage = (kind: string, amount: number, day: string, as = owner) =>
      ask(system.database, as, sql`select public.record_wage(${hand}, ${kind}, ${amount}, ${day})`)
    await wage('earned', 60, '2026-01-05')
    expect(await refusal(wage('earned', 60, '2026-01-05'))).toBe('wage_recorded PT409')
    await wage('advance', 20, '2026-01-05')
    expect(await wage('earned', 60, '2026-01-06', manager)).toMatchObject({ owed: 100 })
    expect(await refusal(wage('paid', 100, '2026-01-06', worker))).toBe('forbidden PT403')
  })
})

describe('features, honoured in SQL (R-T4)', () => {
  it('close tables and functions of one business, and open them again', async () => {
    const product = await addProduct('Lamp', 9, 3)
    const set = (enabled: boolean) =>
      ask(
        system.database,
        admin,
        sql`insert into public.business_features (business_id, feature_name, is_enabled) values (${business}, 'inventory', ${enabled})
            on conflict (business_id, feature_name) do update set is_enabled = excluded.is_enabled returning 1`,
      )
    const seen = async () =>
      Number(
        await ask(system.database, owner, sql`select count(*) from public.products where id = ${product}`),
      )
    await set(false)
    expect(await seen()).toBe(0)
    expect(await refusal(ask(system.database, owner, sql`select public.adjust_stock(${product}, 1)`))).toBe(
      'feature_disabled PT403',
    )
    expect(
      await refusal(
        ask(system.database, owner, sql`update public.business_features set is_enabled = true returning 1`),
      ),
    ).toBe('nothing was refused')
    expect(await seen()).toBe(0)
    await set(true)
    expect(await seen()).toBe(1)
  })
})

describe('the end of the day', () => {
  it('compares the drawer with what came in, and closes the day for good', async () => {
    const shop = await openBusiness(system, actor('efua'), 'TRADING-2')
    const efua = actor('efua')
    const sellOn = (amount: number, method: string) =>
      ask<Sold>(
        system.database,
        efua,
        sql`select public.record_sale(${shop}, ${JSON.stringify([{ description: 'x', quantity: 1, unit_price: amount }])}::jsonb,
          ${JSON.stringify([{ amount, method }])}::jsonb)`,
      )
    await sellOn(40, 'cash')
    await sellOn(25.5, 'mobile_money')
    const close = () =>
      ask(system.database, efua, sql`select to_jsonb(public.close_day(${shop}, 138, null, 100))`)
    expect(await close()).toMatchObject({
      sales_count: 2,
      sales_total: 65.5,
      by_method: { cash: 40, mobile_money: 25.5 },
      expected_cash: 140,
      difference: -2,
    })
    expect(await refusal(sellOn(1, 'cash'))).toBe('day_closed PT409')
    expect(await refusal(close())).toBe('day_closed PT409')
  })
})

describe('refusals', () => {
  const nobody = '11111111-1111-4111-8111-111111111111'

  it('name what is not there', async () => {
    const line = [{ description: 'x', quantity: 1, unit_price: 1 }]
    expect(await refusal(sell(line, cash(1), { as: owner, customer: nobody }))).toBe('unknown_customer PT404')
    const paid = sql`select public.record_payment(${business}, 1, 'cash', ${nobody})`
    expect(await refusal(ask(system.database, owner, paid))).toBe('unknown_sale PT404')
  })

  it('keep tomorrow out of the books, and an impossible drawer', async () => {
    const ahead = sql`select public.record_sale(${business}, '[{"description": "x", "quantity": 1, "unit_price": 1}]',
      '[{"amount": 1, "method": "cash"}]', null, 0, null, '2999-01-01')`
    expect(await refusal(ask(system.database, owner, ahead))).toBe('day_in_future PT422')
    const close = sql`select public.close_day(${business}, -1)`
    expect(await refusal(ask(system.database, owner, close))).toBe('invalid_close PT400')
  })

  it('tell the people of a business that is switched off so, and hide its data', async () => {
    const off = await openBusiness(system, actor('afia'), 'TRADING-3')
    await ask(system.database, admin, sql`select public.set_business_status(${off}, false, 'asked for')`)
    const afia = actor('afia')
    expect(await refusal(ask(system.database, afia, sql`select public.close_day(${off}, 0)`))).toBe(
      'business_switched_off PT403',
    )
    const insert = sql`insert into public.products (business_id, name) values (${off}, 'x') returning 1`
    expect(await refusal(ask(system.database, afia, insert))).toBe('42501')
  })
})

describe('joining a business', () => {
  it('takes an invitation, a proven address and consent', async () => {
    const newcomer = actor('adwoa')
    await system.signUp(newcomer)
    const email = String(newcomer.claims['email'])
    const invite = (as = owner, role = 'manager') =>
      ask<{ id: string }>(
        system.database,
        as,
        sql`select to_jsonb(public.invite_member(${business}, ${email}, ${role}))`,
      )
    expect(await refusal(invite(manager))).toBe('forbidden PT403')
    expect(await refusal(invite(owner, 'owner'))).toBe('invalid_invitation PT422')
    const { id } = await invite()
    const accept = (as = newcomer) =>
      ask(system.database, as, sql`select to_jsonb(public.accept_invitation(${id}))`)
    await system.database.asOwner(
      sql`update auth.users set email_confirmed_at = null where id = ${newcomer.userId}`,
    )
    expect(await refusal(accept())).toBe('unknown_invitation PT404')
    await system.database.asOwner(
      sql`update auth.users set email_confirmed_at = now() where id = ${newcomer.userId}`,
    )
    expect(await refusal(accept(outsider))).toBe('unknown_invitation PT404')
    expect(await accept()).toMatchObject({ role: 'manager', is_active: true })
    expect(await refusal(accept())).toBe('unknown_invitation PT404')
    const off = sql`update public.business_members set is_active = false where user_id = ${newcomer.userId} returning 1`
    await ask(system.database, owner, off)
    expect(Number(await ask(system.database, newcomer, sql`select count(*) from public.products`))).toBe(0)
  })
})
