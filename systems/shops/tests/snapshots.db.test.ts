import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { addProduct, findDrift, line, openShop, order, refusal, value } from './shop-fixture.ts'

const folder = await mkdtemp(join(tmpdir(), 'plinth-shop-backups-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const test = useSystem(shops, {
  stream: true,
  environment: {
    PLINTH_SHOPS_BACKUPS_FOLDER: join(folder, 'first'),
    PLINTH_SHOPS_BACKUPS_COPY_FOLDER: join(folder, 'second'),
    PLINTH_SHOPS_RECOVERY_REGION: 'eu-central-1',
    // Each would be restored into a scratch database first: the platform's own tests do that.
    PLINTH_SHOPS_BACKUPS_REHEARSE: 'false',
  },
})
const ada = actor('ada')
const ben = actor('ben')
const boss = actor('boss')
let mine: string
let other: string
let mug: string

beforeAll(async () => {
  await test.signUp(ada, ben, boss)
  await test.database.asOwner(sql`update public.profiles set is_admin = true where id = ${boss.userId}`)
  ;[mine, other] = [await openShop(test.database, ada), await openShop(test.database, ben)]
  mug = await addProduct(test.database, mine, 'Mug', 10)
  await addProduct(test.database, other, 'Lamp', 5)
  await test.database.asCaller(ada, order(mine, 'ONE', [line(mug, 2)], 'Confirmed'))
})

const create = (as: typeof ada, name: string, shopIds: readonly string[] | null) =>
  value<string>(test.database, as, sql`select public.create_backup_snapshot(${name}, 'By hand', ${shopIds})`)

const snapshot = async (id: string) =>
  (
    await test.database.asOwner<{ status: string; size: number }>(
      sql`select status, size_bytes::integer as size from public.recovery_snapshots where id = ${id}`,
    )
  ).rows[0]!

const act = async (body: object, as = boss) => (await test.call('admin-operations', body, { as })).body

/** Everything that a shop has, but what a restore leaves alone. */
const rowsOf = (shop: string) =>
  value<string>(
    test.database,
    null,
    sql`select jsonb_build_object(
      'items', (select jsonb_agg(to_jsonb(i) - 'updated_at' order by i.id) from public.items i where i.shop_id = ${shop}),
      'orders', (select jsonb_agg(to_jsonb(f) - 'updated_at' order by f.id) from public.form_submissions f where f.shop_id = ${shop}),
      'history', (select jsonb_agg(to_jsonb(h) order by h.seq) from public.stock_history h where h.shop_id = ${shop}))::text`,
  )

describe('a snapshot (S-D8, S-B6)', () => {
  it('has its id at once, is made by a job, and holds its shop alone', async () => {
    const id = await create(ada, 'before the sale', [mine])
    expect((await snapshot(id)).status).toBe('pending')
    await test.jobs.runDue()
    expect(await snapshot(id)).toMatchObject({ status: 'completed', size: expect.any(Number) })
    const { rows } = await test.database.asCaller<{ shop_id: string; status: string }>(
      ada,
      sql`select shop_id, backup_type, status from public.backup_logs`,
    )
    expect(rows).toEqual([{ shop_id: mine, backup_type: 'full', status: 'completed' }])
    const held = sql`select array_agg(distinct tenant) from plinth.backups`
    expect(await value(test.database, null, held)).toEqual([mine])
    expect((await test.database.asCaller(ben, sql`select from public.recovery_snapshots`)).rowCount).toBe(0)
  })

  it('is an owner’s for their own shop, and an administrator’s for any', async () => {
    expect(await refusal(create(ada, 'foreign', [other]))).toBe('unknown_shop PT404')
    expect(await refusal(create(ada, 'all', null))).toBe('forbidden PT403')
    expect(await refusal(create(ada, ' ', [mine]))).toBe('invalid_snapshot PT422')
    expect(await refusal(create(ada, 'before the sale', [mine]))).toBe('snapshot_exists PT409')
    expect(await refusal(create(boss, 'nobody', [crypto.randomUUID()]))).toBe('unknown_shop PT404')
    expect((await act({ action: 'create_backup', snapshotName: 'x' }, ada)).success).toBe(false)
  })

  it('is restored after a preview: its shop is as it was, plans and others stay as they are', async () => {
    const before = await rowsOf(mine)
    const { snapshot_id: id } = (
      await act({ action: 'create_backup', snapshotName: 'by an administrator', shopIds: [mine] })
    ).data
    const restore = (more: object = {}) =>
      act({ action: 'restore_snapshot', snapshotId: id, shopId: mine, ...more })
    expect((await restore()).code).toBe('snapshot_not_ready')
    await test.jobs.runDue()
    await test.database.asOwner(sql`update public.items set name = 'Ruined', stock = 1 where id = ${mug}`)
    await test.database.asCaller(ada, order(mine, 'TWO', [line(mug, 1)], 'Confirmed'))
    await test.database.asOwner(sql`select public.set_subscription(${mine}, 'Pro', 'active')`)
    await test.database.asCaller(
      ben,
      sql`update public.items set name = 'Lamp, new' where shop_id = ${other}`,
    )
    const theirs = await rowsOf(other)
    const dry = await restore()
    expect(dry.data, JSON.stringify(dry)).toMatchObject({ dry_run: true })
    expect(dry.data.tables.map(({ table }: { table: string }) => table)).toContain('public.items')
    expect(await rowsOf(mine)).not.toBe(before)
    const done = await restore({ dryRun: false })
    expect(done.data, JSON.stringify(done)).toMatchObject({ dry_run: false, tables: dry.data.tables })
    expect(await rowsOf(mine)).toBe(before)
    expect(await rowsOf(other)).toBe(theirs)
    expect(await value(test.database, ada, sql`select subscription_plan from public.shops`)).toBe('Pro')
    expect(await findDrift(test.database)).toEqual([])
    // Writing goes on: stock moves, numbers go up.
    await test.database.asCaller(ada, order(mine, 'THREE', [line(mug, 1)], 'Confirmed'))
    expect((await act({ action: 'restore_snapshot', snapshotId: id, shopId: other })).code).toBe(
      'unknown_snapshot',
    )
  })
})

describe('the jobs', () => {
  const names = async () =>
    (
      await test.database.asOwner<{ name: string }>(
        sql`select snapshot_name as name from public.recovery_snapshots where created_by is null order by 1`,
      )
    ).rows.map(({ name }) => name)

  it('make a snapshot of all shops at 03:00 and on Sundays at 04:00, once (S-J2, S-J3)', async () => {
    test.clock.set('2026-01-18T02:59:00Z')
    await test.jobs.runDue()
    expect(await names()).not.toContain('daily-2026-01-18')
    test.clock.set('2026-01-18T04:00:30Z')
    await test.jobs.runDue()
    await test.jobs.runDue()
    expect(await names()).toEqual(expect.arrayContaining(['daily-2026-01-18', 'weekly-2026-01-18']))
    const { rows } = await test.database.asOwner(
      sql`select count(*)::integer as shops, r.status from public.recovery_snapshots r join private.snapshot_backups s on s.snapshot_id = r.id
          where r.snapshot_name = 'daily-2026-01-18' group by r.status`,
    )
    expect(rows).toEqual([{ shops: 2, status: 'completed' }])
  })

  it('say up to where the second place has each table of each shop (S-B7)', async () => {
    await test.jobs.run('refresh-sync-status')
    const { rows } = await test.database.asCaller(
      ada,
      sql`select table_name, region, status, position > 0 as has_position, records_synced::integer as records, lag_seconds >= 0 as has_lag
          from public.sync_status where table_name = 'items'`,
    )
    expect(rows).toEqual([
      {
        table_name: 'items',
        region: 'eu-central-1',
        status: 'completed',
        has_position: true,
        records: 1,
        has_lag: true,
      },
    ])
  })

  it('remove snapshots after 90 days at 05:00, and give their backups to the retention (S-J4, S-D9)', async () => {
    const kept = sql`select min(expires_at - created_at)::text from public.recovery_snapshots where snapshot_name not like 'weekly%'`
    expect(await value(test.database, null, kept)).toBe('90 days')
    // The weekly one is of the test's clock, which stands in another year than PostgreSQL's.
    await test.database.asOwner(
      sql`update public.recovery_snapshots set expires_at = now() + interval '1 day' where snapshot_name like 'weekly%'`,
    )
    await test.database.asOwner(
      sql`update public.recovery_snapshots set expires_at = now() where snapshot_name = 'before the sale'`,
    )
    expect(await refusal(test.database.asCaller(ada, sql`select public.cleanup_expired_snapshots()`))).toBe(
      'forbidden PT403',
    )
    expect((await act({ action: 'cleanup_snapshots' })).data).toEqual({ removed: 1 })
    expect(
      await value(
        test.database,
        null,
        sql`select count(*)::integer from plinth.backups where trigger = 'schedule'`,
      ),
    ).toBe(1)
    await test.jobs.run('cleanup-expired-snapshots')
  })
})
