import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { rekon30 } from '../system.ts'
import { admin, appointAdmin, ask, openBusiness } from './rekon30-fixture.ts'

/** Rehearsing before each restore is the platform's, and proven there. */
const environment = { PLINTH_REKON30_BACKUPS_REHEARSE: 'false' }
const system = useSystem(rekon30, { stream: true, now: new Date().toISOString(), environment })
const owner = actor('ama')
const neighbour = actor('kofi')
let business: string
let other: string
let product: string

beforeAll(async () => {
  await appointAdmin(system)
  business = await openBusiness(system, owner, 'BACKUP-1')
  other = await openBusiness(system, neighbour, 'BACKUP-2')
  product = await newProduct(business, owner, 'Rice')
  await newProduct(other, neighbour, 'Beans')
  await sell()
})

async function newProduct(id: string, person: typeof owner, name: string): Promise<string> {
  const made = await ask<string>(
    system.database,
    person,
    sql`insert into public.products (business_id, name, price) values (${id}, ${name}, 12.5) returning id`,
  )
  await ask(system.database, person, sql`select public.adjust_stock(${made}, 20, 'purchase', 'delivery')`)
  return made
}

const sell = () =>
  ask(
    system.database,
    owner,
    sql`select public.record_sale(${business}, ${JSON.stringify([{ product_id: product, quantity: 2 }])}::jsonb,
      '[{"amount": 25, "method": "cash"}]'::jsonb)`,
  )

const call = (name: string, body: object, as = admin) => system.call(name, body, { as })
const backUp = async (kind = 'manual', id = business) =>
  (await call('backup-system', { business_id: id, backup_type: kind })).body

async function rowsOf(table: string, id = business): Promise<unknown[]> {
  const { rows } = await system.database.asOwner({
    text: `select to_jsonb(t) - 'updated_at' as row from public.${table} t where business_id = $1 order by 1`,
    values: [id],
  })
  return rows.map(({ row }) => row)
}

async function eventsOf(id: string): Promise<string[]> {
  const { rows } = await system.database.asOwner<{ event_type: string }>(
    sql`select event_type from public.realtime_events where business_id = ${id} order by seq`,
  )
  return rows.map(({ event_type }) => event_type)
}

describe('backup-system (R-F1)', () => {
  it('backs up a business: complete with name and size, noted, and told to super admins (R-O7, R-T3)', async () => {
    const full = await backUp('full')
    expect(full).toEqual({
      success: true,
      backup_id: expect.any(String),
      filename: expect.stringMatching(new RegExp(`^backup-${business}-\\d{8}T\\d{6}Z-\\w{8}\\.json$`)),
      file_path: `${business}/${full.filename}`,
      data_size: expect.any(Number),
      backup_type: 'full',
    })
    expect(full.data_size).toBeGreaterThan(0)
    expect(await backUp('incremental')).toMatchObject({ success: true, backup_type: 'incremental' })
    const noted = await system.database.asCaller(
      owner,
      sql`select id, status, backup_type, filename, data_size::int from public.backup_records order by started_at limit 1`,
    )
    const { backup_id: id, filename, data_size, backup_type } = full
    expect(noted.rows).toEqual([{ id, status: 'completed', backup_type, filename, data_size }])
    expect(await eventsOf(business)).toContain('backup_completed')
  })

  it('is for super admins and the service', async () => {
    for (const name of ['backup-system', 'backup-scheduler', 'cron-backup', 'data-restore'])
      expect((await call(name, { business_id: business }, owner)).status).toBe(403)
    expect((await system.call('backup-system', { business_id: business })).status).toBe(401)
    const unknown = { business_id: '00000000-0000-4000-8000-000000000001' }
    expect(await call('backup-system', unknown)).toMatchObject({ status: 404 })
    const seen = await system.database.asCaller(neighbour, sql`select from public.backup_records`)
    expect(seen.rowCount).toBe(0)
  })
})

describe('a slot of five minutes (R-F2, R-F8, R-N1)', () => {
  it('is backed up once, whoever asks; what did not change costs no backup', async () => {
    await sell()
    system.clock.advance(300_000)
    const [one, two] = await Promise.all([call('backup-scheduler', {}), call('cron-backup', {})])
    expect([one!.status, two!.status]).toEqual([200, 200])
    expect([one!.body, two!.body]).toEqual(
      Array(2).fill(expect.objectContaining({ success: true, total: 2, failed: 0, failures: [] })),
    )
    const made = await system.database.asOwner(
      sql`select business_id from public.backup_records where trigger = 'scheduled' and status = 'completed'`,
    )
    expect(made.rows.map(({ business_id }) => business_id).sort()).toEqual([business, other].sort())
    const again = await call('backup-scheduler', {})
    expect(again.body).toMatchObject({ status: 'already_done', skipped: 2, failed: 0 })
    system.clock.advance(300_000)
    expect((await call('cron-backup', {})).body).toMatchObject({
      status: 'done',
      successful: 2,
      unchanged: 2,
      system: { failed: 0, success_rate: 100, last_slot: expect.any(String) },
    })
  })

  it('that fails is told, as is the first that goes well again; a key reads both (R-O4, R-O5, R-O10)', async () => {
    await system.database.asOwner(sql`
      with failing as (insert into plinth.backups (tenant, trigger) values (${business}, 'manual') returning id) select id from failing`)
    await system.database.asOwner(sql`
      update plinth.backups set status = 'failed', error = 'no space left', completed_at = ${system.clock.now()}
      where tenant = ${business} and status = 'waiting'`)
    await backUp()
    expect((await eventsOf(business)).slice(-3)).toEqual([
      'backup_failed',
      'backup_completed',
      'backup_recovered',
    ])
    const told = await system.database.asOwner(sql`
      select channel, template, variables ->> 'problem' as problem from plinth.notifications
      where person::text = ${admin.userId} and purpose = 'alert' order by created_at, template, channel`)
    expect(told.rows).toEqual([
      { channel: 'email', template: 'backup-failed', problem: 'no space left' },
      { channel: 'in_app', template: 'backup-failed', problem: 'no space left' },
      { channel: 'email', template: 'backup-recovered', problem: '' },
      { channel: 'in_app', template: 'backup-recovered', problem: '' },
    ])
    const permissions = ['backup_status']
    const { key } = (await call('create-api-key', { key_name: 'Monitor', permissions })).body
    const read = (query: string) =>
      system.request(`/functions/v1/backup-status${query}`, { headers: { 'x-api-key': key } })
    const [all, one] = [await read(''), await read(`?business_id=${business}`)]
    expect(all.body).toMatchObject({ failed: 1, recent_failures: [{ error_message: 'no space left' }] })
    expect(one.body.success_rate).toBeLessThan(100)
    expect(one.body.storage_bytes).toBeGreaterThan(0)
    expect(all.body.storage_bytes).toBeGreaterThan(one.body.storage_bytes)
  })

  it('the printed crontab line works (R-O9)', async () => {
    const answer = await system.request('/functions/v1/cron-backup', {
      method: 'POST',
      as: 'service',
      headers: { 'content-type': 'application/json' },
    })
    expect(answer).toMatchObject({ status: 200, body: { success: true } })
  })
})

describe('data-restore (R-F3, R-O6)', () => {
  it('shows and brings back what was lost, leaves the neighbour alone, and can be undone', async () => {
    const { backup_id } = await backUp()
    const [sales, lines, untouched] = [
      await rowsOf('sales'),
      await rowsOf('sale_lines'),
      await rowsOf('products', other),
    ]
    await system.database.asOwner(sql`delete from public.payments where business_id = ${business}`)
    await system.database.asOwner(
      sql`delete from public.stock_movements where business_id = ${business} and kind = 'sale'`,
    )
    await system.database.asOwner(sql`delete from public.sales where business_id = ${business}`)
    expect(await rowsOf('sale_lines')).toEqual([])

    const asked = { business_id: business, backup_id, restore_type: 'full' }
    const seen = await call('data-restore', { ...asked, preview: true })
    expect(seen).toMatchObject({ status: 200, body: { success: true, restore_request_id: null } })
    const added = (table: string) =>
      seen.body.tables.find((each: { table: string }) => each.table === table)?.added
    expect([added('public.sales'), added('public.sale_lines')]).toEqual([sales.length, lines.length])
    expect(await rowsOf('sales')).toEqual([])

    const done = await call('data-restore', asked)
    expect(done.body).toMatchObject({
      success: true,
      restore_request_id: expect.any(String),
      undo_backup_id: expect.any(String),
      message: expect.stringContaining('is back'),
    })
    expect([await rowsOf('sales'), await rowsOf('sale_lines')]).toEqual([sales, lines])
    expect(await rowsOf('products', other)).toEqual(untouched)
    const { rows } = await system.database.asCaller(
      admin,
      sql`
      select r.status, r.restore_type, r.backup_id, a.user_id from public.restore_requests r
      join public.super_admins a on a.id = r.requested_by where r.id = ${done.body.restore_request_id}`,
    )
    expect(rows).toEqual([{ status: 'completed', restore_type: 'full', backup_id, user_id: admin.userId }])

    await call('data-restore', { ...asked, backup_id: done.body.undo_backup_id })
    expect(await rowsOf('sales')).toEqual([])
    await call('data-restore', asked)
    expect(await eventsOf(business)).toContain('restore_completed')
  })

  it('of some data leaves the rest, and takes a file’s name or an instant for the backup', async () => {
    const { filename } = await backUp()
    await ask(
      system.database,
      owner,
      sql`update public.products set name = 'Wrong', price = 1 where id = ${product}`,
    )
    await ask(
      system.database,
      owner,
      sql`insert into public.customers (business_id, name) values (${business}, 'Esi') returning id`,
    )
    const asked = {
      business_id: business,
      restore_type: 'selective',
      data_types: ['products'],
      ids: [product],
    }
    const done = await call('data-restore', { ...asked, backup_id: filename })
    expect(done.body).toMatchObject({ success: true, tables: expect.any(Array) })
    expect(await rowsOf('products')).toEqual([expect.objectContaining({ name: 'Rice', price: 12.5 })])
    expect(await rowsOf('customers')).toHaveLength(1)
    const early = await call('data-restore', { ...asked, at: '2020-01-01T00:00:00Z' })
    expect(early).toMatchObject({ status: 404, body: { code: 'unknown_backup' } })
  })

  it('refuses another business’s backup, and whoever is no super admin', async () => {
    const { backup_id } = await backUp('full', other)
    const asked = { business_id: business, backup_id, restore_type: 'full' }
    expect(await call('data-restore', asked)).toMatchObject({ status: 404, body: { code: 'unknown_backup' } })
    const service = await system.request('/functions/v1/data-restore', {
      method: 'POST',
      as: 'service',
      body: asked,
    })
    expect(service).toMatchObject({ status: 403, body: { code: 'super_admin_required' } })
    expect((await call('data-restore', { ...asked, at: '2026-01-01T00:00:00Z' })).status).toBe(400)
  })
})
