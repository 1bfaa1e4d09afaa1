import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isSqlError } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { useSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { rewindOffer } from '../../rewind/index.ts'
import { backups, backupsOffer } from '../index.ts'

const schema = `
  create table public.shops (id text primary key, name text not null);
  create table public.items (id bigint generated always as identity primary key,
    shop_id text not null references public.shops on delete cascade, parent bigint references public.items on delete set null,
    slot int not null, stock int not null, worth int generated always as (stock * 2) stored, doc jsonb, unique (shop_id, slot));
  create table public.parts (id uuid primary key default gen_random_uuid(), shop_id text not null,
    item_id bigint not null references public.items on delete cascade, owner text, amount numeric not null);
  alter table public.shops enable row level security; alter table public.items enable row level security;
  alter table public.parts enable row level security;`

const stalls = defineSystem({
  name: 'stalls',
  summary: 'Shops with items.',
  tenant: { table: 'shops', column: 'shop_id' },
  uses: [backups({ schedule: false, rehearse: false })],
  migrations: async () => ({
    name: 'stalls',
    migrations: [{ name: '001_initial_schema.sql', checksum: schema, sql: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['shops', 'items', 'parts'],
  personalColumns: { parts: { columns: ['owner'], subject: 'owner' } },
})

const folder = mkdtempSync(join(tmpdir(), 'plinth-histories-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const system = useSystem(stalls, { stream: true, environment: { PLINTH_STALLS_BACKUPS_FOLDER: folder } })
const tenants = ['a', 'b', 'c'] as const
type Tenant = (typeof tenants)[number]

/** `$1` is the tenant, `$2` and `$3` are small numbers that choose rows and values. A statement may find nothing to do. */
const operations = {
  addShop: `insert into public.shops values ($1, 'shop ' || ($2::int + $3::int)) on conflict (id) do update set name = excluded.name`,
  removeShop: `delete from public.shops where id = $1 and $2::int = $3::int`,
  addItem: `insert into public.items (shop_id, parent, slot, stock, doc)
    select $1, (select max(id) from public.items where shop_id = $1), $2::int, $3::int, json_build_object('t', repeat('x', $2::int * 900))
    where exists (select from public.shops where id = $1) on conflict do nothing`,
  changeStock: `update public.items set stock = stock + 1 + $3::int where shop_id = $1 and slot % 3 = $2::int % 3`,
  moveSlots: `update public.items set slot = slot + 10 * (1 + $2::int) where shop_id = $1 and $3::int > 2`,
  removeItem: `delete from public.items where shop_id = $1 and slot = $2::int and $3::int >= 0`,
  addPart: `insert into public.parts (shop_id, item_id, owner, amount)
    select $1, id, 'owner ' || $3::int, $3::int / 3.0 from public.items where shop_id = $1 and slot % 2 = $2::int % 2`,
  changeKey: `update public.parts set id = gen_random_uuid() where shop_id = $1 and amount < $2::int + $3::int`,
} as const

const small = fc.integer({ min: 0, max: 5 })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(...(Object.keys(operations) as (keyof typeof operations)[])),
      x: small,
      y: small,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('backup' as const), x: small, y: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('restore' as const, 'crash' as const, 'crashBackup' as const, 'rewind' as const),
      x: fc.nat(),
      y: small,
    }),
  },
)
const history = fc.array(fc.tuple(fc.constantFrom(...tenants), step), {
  minLength: 12,
  maxLength: 26,
  size: 'max',
})

const run = async (text: string, values: readonly unknown[] = []) =>
  (await system.database.asOwner<Record<string, unknown>>({ text, values })).rows
const rowsOf = async (tenant: Tenant) =>
  run(
    `select 'shops' as "table", t::text as row from public.shops t where id = $1
     union all select 'items', t::text from public.items t where shop_id = $1
     union all select 'parts', t::text from public.parts t where shop_id = $1 order by 1, 2`,
    [tenant],
  )
const actor = { user: null, role: 'owner', requestId: null, via: 'test', reason: null }

type Rows = Awaited<ReturnType<typeof rowsOf>>
interface Kept {
  readonly rows: Rows
  readonly id: string
}
interface Point {
  readonly rows: Rows
  readonly sequence: number
}

async function headOf(tenant: Tenant): Promise<number> {
  await system.project.tail.settle()
  const { rows } = await system.database.asJournal<{ sequence: string }>({
    text: 'select sequence from plinth_journal.heads where tenant = $1',
    values: [tenant],
  })
  return Number(rows[0]?.sequence ?? 0)
}

/** The session of what is under way is ended wherever it is; it had happened, or it had not. */
async function crash(session: 'restore' | 'backup', work: Promise<unknown>): Promise<void> {
  const settled = work.then(
    () => true,
    () => true,
  )
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name like 'plinth ${session}%' and datname = current_database()`
  while (!(await Promise.race([settled, run(kill).then((found) => found.length > 0)])));
  await settled
}

test('random workloads of three tenants with rewinds, restores and crashes are what a model says', async () => {
  const offer = system.project.offer(backupsOffer)
  let restored = 0
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await run('delete from public.shops')
      const model = new Map<Tenant, Rows>()
      const kept = new Map<Tenant, Kept[]>(tenants.map((tenant) => [tenant, []]))
      const points = new Map<Tenant, Point[]>()
      for (const tenant of tenants) {
        await run(`insert into public.shops values ($1, 'first')`, [tenant])
        model.set(tenant, await rowsOf(tenant))
        points.set(tenant, [{ rows: model.get(tenant)!, sequence: await headOf(tenant) }])
        kept.get(tenant)!.push({ id: (await offer.create({ tenant })).id, rows: model.get(tenant)! })
      }
      for (const [tenant, { do: what, x, y }] of steps) {
        const [own, known] = [kept.get(tenant)!, points.get(tenant)!]
        if (what === 'crashBackup') {
          await crash('backup', offer.create({ tenant, kind: y % 2 === 0 ? 'full' : 'auto' }))
        } else if (what === 'backup') {
          const { id } = await offer.create({ tenant, kind: y === 0 ? 'full' : 'auto' })
          own.push({ id, rows: model.get(tenant)! })
        } else if (what === 'rewind') {
          const point = known[x % known.length]!
          await system.project.offer(rewindOffer).apply({ tenant, to: point.sequence, actor })
          model.set(tenant, point.rows)
        } else if (what === 'restore' || what === 'crash') {
          const backup = own[x % Math.max(own.length, 1)]
          if (!backup) continue
          if (what === 'restore') await offer.restore({ id: backup.id }, actor)
          else await crash('restore', offer.restore({ id: backup.id }, actor))
          const now = await rowsOf(tenant)
          if (what === 'crash') expect([model.get(tenant), backup.rows]).toContainEqual(now)
          else expect(now).toEqual(backup.rows)
          model.set(tenant, now)
          restored += 1
        } else {
          await run(operations[what], [tenant, x, y]).catch((error: unknown) => {
            // What a constraint refuses has not happened, which is a history as well.
            if (!(isSqlError(error) && error.code.startsWith('23'))) throw error
          })
          model.set(tenant, await rowsOf(tenant))
        }
        known.push({ rows: model.get(tenant)!, sequence: await headOf(tenant) })
        for (const each of tenants) expect(await rowsOf(each)).toEqual(model.get(each))
      }
    }),
    { seed: 15, numRuns: process.env.PLINTH_TEST_LONG === '1' ? 1_000 : 3 },
  )
  expect(restored).toBeGreaterThan(2)
}, 3_600_000)
