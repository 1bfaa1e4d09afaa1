import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { rekon30 } from '../system.ts'
import { admin, appointAdmin, ask, askAt, openBusiness, register } from './rekon30-fixture.ts'

const system = useSystem(rekon30)
const owner = actor('ama')
let business: string

beforeAll(async () => {
  await appointAdmin(system)
  business = await openBusiness(system, owner, 'PLATFORM-1')
  await register(system, actor('kofi'), 'pro')
})

const get = (query: string, as: Parameters<typeof system.call>[2] extends infer O ? NonNullable<O> : never) =>
  system.request(`/functions/v1/analytics?${query}`, as)

describe('analytics (R-F5)', () => {
  it.each([
    [
      'overview',
      [
        'total_businesses',
        'active_businesses',
        'total_revenue',
        'overdue_payments',
        'new_this_month',
        'active_rate',
      ],
    ],
    ['revenue', ['revenue_by_plan', 'monthly_trend', 'total_revenue']],
    [
      'growth',
      [
        'total_businesses',
        'active_businesses',
        'new_this_month',
        'new_last_three_months',
        'retention_rate',
        'growth_rate',
      ],
    ],
  ])('%s has its keys, for super admins only', async (type, keys) => {
    const answer = await get(`type=${type}`, { as: admin })
    expect(answer).toMatchObject({
      status: 200,
      body: { success: true, analytics_type: type, generated_at: expect.any(String) },
    })
    expect(Object.keys(answer.body.data)).toEqual(expect.arrayContaining(keys))
    expect(await get(`type=${type}`, { as: owner })).toMatchObject({
      status: 403,
      body: { code: 'super_admin_required' },
    })
    expect((await get(`type=${type}`, {})).status).toBe(401)
  })

  it('adds up what was paid, and forgets what was reversed', async () => {
    const revenue = async () => (await get('type=revenue', { as: admin })).body.data
    const before = await revenue()
    expect(before).toMatchObject({
      total_revenue: 1500,
      revenue_by_plan: { basic: 1500, pro: 0, enterprise: 0 },
      currency: 'GHS',
    })
    expect(before.monthly_trend).toHaveLength(12)
    expect(before.monthly_trend.at(-1)).toMatchObject({
      month: new Date().toISOString().slice(0, 7),
      revenue: 1500,
      payments: 1,
    })
    const other = await openBusiness(system, actor('yaa'), 'PLATFORM-2')
    const paid = await askAt<string>(
      system.database,
      '',
      sql`select id from public.payment_records where business_id = ${other}`,
    )
    await ask(system.database, admin, sql`select public.reverse_payment(${paid}, 'test')`)
    expect(await revenue()).toEqual(before)
  })

  it('tells a business of itself to its owner, and nothing of another', async () => {
    const own = await get(`type=business&business_id=${business}`, { as: owner })
    expect(own.body.data).toMatchObject({
      total_paid: 1500,
      payment_count: 1,
      backup_count: 0,
      last_backup: null,
      business: { id: business },
    })
    expect(await get(`type=business&business_id=${business}`, { as: actor('kofi') })).toMatchObject({
      status: 404,
    })
    expect((await get('type=business', { as: admin })).status).toBe(400)
    expect((await get('type=everything', { as: admin })).status).toBe(400)
  })
})

describe('API keys (R-F6, R-T1)', () => {
  const printed = `INSERT INTO api_keys (key_name, key_value, business_id, permissions, rate_limit)
    VALUES (
      'System Integration',
      'sk_' || substr(md5(random()::text), 1, 32),
      NULL,
      '["analytics", "backup_status"]'::jsonb,
      1000
    )`

  const check = (key: string | undefined, permission?: string) =>
    system.call('api-security', permission ? { permission } : {}, {
      headers: key ? { 'x-api-key': key } : {},
    })

  it('made by the printed SQL are stored as a hash, read once, and open what they name', async () => {
    await system.database.asOwner({ text: `set search_path = public; ${printed}` })
    const { rows } = await system.database.asOwner<{ id: string; key_value: string }>(
      sql`select id, key_value from public.api_keys where key_name = 'System Integration'`,
    )
    const { id, key_value } = rows[0]!
    expect(key_value).toMatch(/^sk_\w{4}…$/)
    const { key } = await system
      .call('reveal-api-key', { key_id: id }, { as: admin })
      .then(({ body }) => body)
    expect(key).toMatch(/^sk_[0-9a-f]{32}$/)
    expect(await system.call('reveal-api-key', { key_id: id }, { as: admin })).toMatchObject({ status: 410 })
    expect(await system.call('reveal-api-key', { key_id: id }, { as: owner })).toMatchObject({ status: 403 })
    expect(await check(key, 'analytics')).toMatchObject({
      status: 200,
      body: {
        success: true,
        valid: true,
        key_name: 'System Integration',
        business_id: null,
        allowed: true,
        rate_limit: 1000,
      },
    })
    expect((await check(key, 'payments')).body).toMatchObject({ allowed: false })
    const asked = await system.request('/functions/v1/analytics?type=overview', {
      headers: { 'x-api-key': key },
    })
    expect(asked).toMatchObject({ status: 200, body: { data: { total_businesses: expect.any(Number) } } })
  })

  it('that are missing, unknown or limited are refused as such', async () => {
    expect(await check(undefined)).toMatchObject({ status: 401, body: { code: 'api_key_required' } })
    expect((await check(`sk_${'x'.repeat(32)}`)).status).toBe(401)
    const service = await system.call('api-security', {}, { as: 'service' })
    expect(service).toMatchObject({ status: 401, body: { code: 'api_key_required' } })
    const { body } = await system.call(
      'create-api-key',
      { key_name: 'Till', business_id: business, permissions: ['backup_status'], rate_limit: 2 },
      { as: admin },
    )
    expect(await check(body.key, 'analytics')).toMatchObject({
      status: 200,
      body: { allowed: false, business_id: business },
    })
    const status = (id: string) =>
      system.request(`/functions/v1/backup-status?business_id=${id}`, { headers: { 'x-api-key': body.key } })
    expect(await status(business)).toMatchObject({ status: 200, body: { success: true, failed: 0 } })
    expect((await status(business)).status).toBe(429)
  })
})

describe('events (R-F7, R-O7)', () => {
  it('are noted by super admins and by what happens, and seen by nobody else', async () => {
    const send = (as: typeof admin) =>
      system.call(
        'realtime-events',
        { event_type: 'system_status', business_id: business, data: { ok: true } },
        { as },
      )
    expect(await send(admin)).toMatchObject({
      status: 200,
      body: { success: true, event_type: 'system_status' },
    })
    expect(await send(owner)).toMatchObject({ status: 403 })
    expect((await system.call('realtime-events', { event_type: 'Not a name' }, { as: admin })).status).toBe(
      400,
    )
    const types = await ask<string>(
      system.database,
      admin,
      sql`select string_agg(distinct event_type, ',' order by event_type) from public.realtime_events`,
    )
    expect(types.split(',')).toEqual(
      expect.arrayContaining(['new_business', 'payment_verified', 'system_status']),
    )
    expect(Number(await ask(system.database, owner, sql`select count(*) from public.realtime_events`))).toBe(
      0,
    )
    expect(Number(await ask(system.database, owner, sql`select count(*) from realtime.messages`))).toBe(0)
  })
})
