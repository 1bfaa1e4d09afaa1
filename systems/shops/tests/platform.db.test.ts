import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, line, openShop, refusal, value } from './shop-fixture.ts'

const test = useSystem(shops)
const boss = actor('boss')
const ada = actor('ada')
const ben = actor('ben')
let pro: string
let growth: string

const at = (instant: string, ...statements: ReturnType<typeof sql>[]) =>
  test.database.transactionAsOwner(async ({ query }) => {
    await query(sql`select set_config('plinth.clock', ${instant}, true)`)
    for (const statement of statements) await query(statement)
  })

const subscribe = (shop: string, plan: string, status: string, interval = 'month') =>
  sql`select public.set_subscription(${shop}, ${plan}, ${status}, ${interval})`

const derive = async (date: string) =>
  (await test.database.asCaller(boss, sql`select * from public.generate_platform_metrics(${date})`)).rows[0]!

beforeAll(async () => {
  await test.signUp(boss, ada, ben)
  await test.database.asOwner(sql`update public.profiles set is_admin = true where id = ${boss.userId}`)
  await test.database.asOwner(sql`delete from public.shops`)
  ;[pro, growth] = [await openShop(test.database, ada), await openShop(test.database, ben)]
  await test.database.asOwner(sql`update public.subscription_changes set at = '2026-02-01T00:00:00Z'`)
})

describe('the platform’s metrics (S-D7)', () => {
  it('have MRR from active subscriptions only, annual ones a twelfth, and what is new, more, less and gone', async () => {
    await at('2026-03-02T10:00:00Z', subscribe(pro, 'Pro', 'active'), subscribe(growth, 'Growth', 'trialing'))
    await at('2026-03-03T10:00:00Z', subscribe(growth, 'Growth', 'active', 'year'))
    await at('2026-03-04T10:00:00Z', subscribe(pro, 'Growth', 'active'))
    await at('2026-03-05T10:00:00Z', subscribe(pro, 'Pro', 'active'), subscribe(growth, 'Growth', 'expired'))
    expect(await derive('2026-03-01')).toMatchObject({ mrr_minor: '0', total_shops: 2 })
    expect(await derive('2026-03-02')).toMatchObject({
      mrr_minor: '1000000',
      new_mrr_minor: '1000000',
      new_subscriptions: 1,
      plan_distribution: { Pro: { active: 1 }, Growth: { trialing: 1 } },
    })
    expect(await derive('2026-03-03')).toMatchObject({ mrr_minor: '3500000', new_mrr_minor: '2500000' })
    expect(await derive('2026-03-04')).toMatchObject({ mrr_minor: '5000000', expansion_mrr_minor: '1500000' })
    expect(await derive('2026-03-05')).toMatchObject({
      mrr_minor: '1000000',
      contraction_mrr_minor: '1500000',
      churned_mrr_minor: '2500000',
      churned_subscriptions: 1,
      new_subscriptions: 0,
    })
  })

  it('name the shops behind them, which add up to them (M8)', async () => {
    for (const date of ['2026-03-02', '2026-03-03', '2026-03-05']) {
      const day = await derive(date)
      const { rows } = await test.database.asCaller<Record<'mrr_minor' | 'mrr_before_minor', string>>(
        boss,
        sql`select * from public.explain_platform_day(${date})`,
      )
      const sum = (column: 'mrr_minor' | 'mrr_before_minor') =>
        rows.reduce((total, row) => total + Number(row[column]), 0)
      expect(sum('mrr_minor')).toBe(Number(day['mrr_minor']))
      const moved =
        Number(day['new_mrr_minor']) +
        Number(day['expansion_mrr_minor']) -
        Number(day['contraction_mrr_minor']) -
        Number(day['churned_mrr_minor'])
      expect(sum('mrr_minor') - sum('mrr_before_minor')).toBe(moved)
    }
    const asOwner = test.database.asCaller(ada, sql`select public.explain_platform_day('2026-03-02')`)
    expect(await refusal(asOwner)).toBe('forbidden PT403')
  })

  it('come out the same for a past day, whatever happened since', async () => {
    const before = await derive('2026-03-04')
    await at('2026-03-08T10:00:00Z', subscribe(pro, 'Starter', 'active'))
    const after = await derive('2026-03-04')
    expect({ ...after, generated_at: null }).toEqual({ ...before, generated_at: null })
  })

  it('sum sales per currency, and count active shops, orders, conversations and AI messages', async () => {
    const mug = await addProduct(test.database, pro, 'Mug', 100)
    await test.database.asOwner(sql`update public.stock_history set "timestamp" = '2026-01-01'`)
    await test.database.asOwner(sql`update public.shops set currency = 'EUR' where id = ${growth}`)
    await test.database.asOwner(sql`
      insert into public.form_submissions (shop_id, submission_id, status, ordered_products, submitted_at)
      values (${pro}, 'A', 'Confirmed', ${JSON.stringify([line(mug, 2, 10)])}::jsonb, '2026-04-10T12:00:00Z')`)
    await test.database.asOwner(sql`update public.stock_history set "timestamp" = '2026-01-01'`)
    await test.database.asOwner(sql`select private.derive_day(${pro}, '2026-04-10')`)
    await test.database.asOwner(sql`
      with talk as (
        insert into public.conversations (shop_id, created_at) values (${growth}, '2026-04-11T12:00:00Z') returning id
      )
      insert into public.messages (shop_id, conversation_id, sender, is_ai, "timestamp")
      select ${growth}, id, 'bot', n = 1, '2026-04-11T12:00:00Z' from talk, generate_series(1, 2) n`)
    expect(await derive('2026-04-10')).toMatchObject({
      gmv_minor: '2000',
      gmv_by_currency: { USD: 2000 },
      total_orders: 1,
      active_shops: 1,
    })
    expect(await derive('2026-04-11')).toMatchObject({
      active_shops: 2,
      total_conversations: 1,
      ai_messages_processed: 1,
    })
    expect(await derive('2026-05-10')).toMatchObject({ active_shops: 1 })
    expect(await derive('2026-05-12')).toMatchObject({ active_shops: 0 })
  })

  it('count the data extension once per activation, and its states', async () => {
    await test.database.asOwner(sql`update private.data_extension set price_minor = 5000`)
    const to = (status: string) =>
      sql`update public.shops set data_extension_status = ${status} where id = ${growth}`
    await at('2026-06-01T10:00:00Z', to('requested'), to('active'), to('expired'), to('active'))
    expect(await derive('2026-06-01')).toMatchObject({
      data_extension_revenue_minor: '10000',
      data_extension_distribution: { active: 1, none: 1 },
    })
  })

  it('keep what a deleted shop paid, and count it as gone', async () => {
    const short = await openShop(test.database, ada)
    await test.database.asOwner(
      sql`update public.subscription_changes set at = '2026-07-01T09:00:00Z' where shop_id = ${short}`,
    )
    await at('2026-07-01T10:00:00Z', subscribe(short, 'Pro', 'active'))
    await at('2026-07-02T10:00:00Z', sql`delete from public.shops where id = ${short}`)
    expect(await derive('2026-07-01')).toMatchObject({ new_mrr_minor: '1000000', total_shops: 3 })
    expect(await derive('2026-07-02')).toMatchObject({ churned_mrr_minor: '1000000', total_shops: 2 })
  })
})

describe('subscriptions', () => {
  it('and trials that ran out end by their job', async () => {
    const shop = await openShop(test.database, ada)
    const status = sql`select subscription_status from public.shops where id = ${shop}`
    await test.jobs.run('expire-subscriptions')
    expect(await value(test.database, null, status)).toBe('trialing')
    await test.database.asOwner(sql`update public.shops set trial_ends_at = now() where id = ${shop}`)
    await test.jobs.run('expire-subscriptions')
    expect(await value(test.database, null, status)).toBe('expired')
    await test.database.asCaller(
      boss,
      sql`select public.set_subscription(${shop}, 'Pro', 'active', p_period_ends_at => now() - interval '1 second')`,
    )
    await test.jobs.run('expire-subscriptions')
    expect(await value(test.database, null, status)).toBe('expired')
  })

  it('are written by nobody else', async () => {
    for (const text of [
      `update public.plans set price_minor = 0`,
      `insert into public.subscription_changes (shop_id) values (gen_random_uuid())`,
      `select private.expire_subscriptions()`,
    ]) {
      expect(await refusal(test.database.asCaller(ada, { text })), text).toBe('42501')
    }
    const seen = sql`select count(distinct shop_id) from public.subscription_changes where shop_id <> ${growth}`
    expect(await value(test.database, ben, seen)).toBe('0')
    const ai = sql`insert into public.messages (shop_id, conversation_id, sender, is_ai) values (${growth}, ${growth}, 'bot', true)`
    expect(await refusal(test.database.asCaller(ben, ai))).toBe('42501')
  })
})

describe('admin-operations (S-F3)', () => {
  const call = (action: string, input: object, as: typeof boss | 'service' = boss) =>
    test.call('admin-operations', { action, ...input }, { as })

  it('derives and reads, for the platform’s administrators and the service key', async () => {
    for (const as of [boss, 'service'] as const) {
      expect(await call('generate_platform_metrics', { date: '2026-03-02' }, as)).toMatchObject({
        status: 200,
        body: { success: true, data: { mrr_minor: 1_000_000 } },
      })
      const stats = await call('get_platform_stats', { startDate: '2026-03-02', endDate: '2026-03-04' }, as)
      expect(stats.body.data).toHaveLength(3)
    }
  })

  it('is closed to shop owners and strangers, the SQL behind it too', async () => {
    expect(
      (await call('get_platform_stats', { startDate: '2026-03-02', endDate: '2026-03-04' }, ada)).status,
    ).toBe(403)
    for (const text of [
      `select public.generate_platform_metrics('2026-03-02')`,
      `select * from public.get_platform_stats('2026-03-02', '2026-03-03')`,
    ]) {
      expect(await refusal(test.database.asCaller(ada, { text })), text).toBe('forbidden PT403')
    }
  })

  it('is done every night for yesterday', async () => {
    await test.jobs.run('generate-platform-metrics')
    const dates = sql`select count(*) from public.platform_metrics where date >= (now() at time zone 'UTC')::date - 2`
    expect(await value(test.database, null, dates)).toBe('2')
  })
})
