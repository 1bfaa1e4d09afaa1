import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privacyOffer } from '@plinth/platform/privacy'
import { defineSystem } from '@plinth/platform/system'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../../jobs/index.ts'
import { keys } from '../../keys/index.ts'
import { storageOffer } from '../../storage/index.ts'
import { backups, backupsOffer } from '../index.ts'

const schema = `
  create table public.farms (id text primary key, owner_id uuid references auth.users, name text not null);
  create table public.herds (id bigint generated always as identity primary key, farm_id text not null references public.farms,
    contact text, size int not null);
  create table public.settings (name text primary key, value text not null);
  insert into public.settings values ('currency', 'GHS');
  alter table public.farms enable row level security; alter table public.herds enable row level security;
  alter table public.settings enable row level security;`

const ran: string[] = []
const farm = defineSystem({
  name: 'farm',
  summary: 'Farms with herds.',
  tenant: { table: 'farms', column: 'farm_id' },
  uses: [keys(), backups({ schedule: false, rehearse: false })],
  migrations: async () => ({
    name: 'farm',
    migrations: [{ name: '001_initial_schema.sql', checksum: schema, sql: schema }],
  }),
  functions: [],
  jobs: [
    defineJob({
      name: 'greet',
      summary: 'Greets.',
      payload: z.object({ name: z.string() }),
      run: async (_, { name }) => void ran.push(name),
    }),
  ],
  realtimeTables: [],
  journalledTables: ['farms', 'herds'],
  personalColumns: { herds: { columns: ['contact'], subject: 'contact' } },
})

const first = mkdtempSync(join(tmpdir(), 'plinth-disaster-'))
/** The second place, which is all that is left. */
const folder = mkdtempSync(join(tmpdir(), 'plinth-disaster-copy-'))
const open: OpenTestSystem[] = []
afterAll(async () => {
  for (const system of open) await system.close()
  await rm(first, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
})

async function openMachine(stream: boolean): Promise<OpenTestSystem> {
  const environment = stream
    ? { PLINTH_FARM_BACKUPS_FOLDER: first, PLINTH_FARM_BACKUPS_COPY_FOLDER: folder }
    : { PLINTH_FARM_BACKUPS_FOLDER: folder }
  const system = await openTestSystem(farm, { stream, environment })
  open.push(system)
  return system
}

async function read(system: OpenTestSystem) {
  const rows = async (text: string) => (await system.database.asOwner({ text })).rows
  return {
    farms: await rows(`select t::text from public.farms t order by 1`),
    herds: await rows(`select t::text from public.herds t order by 1`),
    settings: await rows(`select t::text from public.settings t order by 1`),
    users: await rows(`select id, email, encrypted_password from auth.users order by 1`),
    objects: await rows(`select bucket_id, name, version, metadata from storage.objects order by 2`),
    keys: await rows(`select * from plinth.api_keys order by id`),
    jobs: await rows(
      `select payload, locked_at from graphile_worker._private_jobs where payload::text like '%after the loss%'`,
    ),
  }
}

it('an empty machine, the place of the backups and the key give the project back', async () => {
  const lost = await openMachine(true)
  const run = (text: string) => lost.database.asOwner({ text })
  const signedUp = await lost.request('/auth/v1/signup', {
    method: 'POST',
    body: { email: 'ada@example.test', password: 'correct horse battery' },
  })
  expect(signedUp.status).toBe(200)
  await run(`insert into public.farms select 'hill', id, 'Hill' from auth.users; insert into public.farms values ('vale', null, 'Vale');
    insert into public.herds (farm_id, contact, size) values ('hill', 'ada@example.test', 10), ('hill', 'bob@example.test', 20), ('vale', null, 5);
    update public.settings set value = 'EUR'`)
  await run(`insert into storage.buckets (id, name, public) values ('photos', 'photos', true)`)
  const photo = Buffer.from('a photo of a cow')
  const uploaded = await lost.request('/storage/v1/object/photos/hill/cow.txt', {
    method: 'POST',
    as: 'service',
    headers: { 'content-type': 'text/plain' },
    body: new Uint8Array(photo),
  })
  expect(uploaded.status).toBe(200)
  await run(`select plinth.add_job('greet', '{"name": "after the loss"}')`)
  const offer = lost.project.offer(backupsOffer)
  const whole = await offer.createOfProject({ by: 'test' })
  expect(whole).toMatchObject({ status: 'completed', kind: 'full' })
  expect((await offer.rehearse(whole.id)).receipt).toMatchObject({ outcome: 'sound', problem: null })
  await expect(offer.restore({ id: whole.id }, actor)).rejects.toMatchObject({ code: 'backup_of_project' })
  // What came after the project's backup comes back with the tenant's own; who was erased after both does not.
  lost.clock.advance(300_000)
  await run(`update public.herds set size = 11 where contact = 'ada@example.test'`)
  expect(await offer.runSlot()).toMatchObject({ completed: 2, failed: [] })
  await lost.project.offer(privacyOffer).persons.erase('bob@example.test')
  lost.clock.advance(300_000)
  expect(await offer.runSlot(['vale'])).toMatchObject({ unchanged: 1 })
  const before = await read(lost)

  // A part that is lost in the first place is read from the second one.
  await rm(join(first, whole.file!.replace('.json', '.part-0001')))
  expect(await offer.verify(whole.id)).toMatchObject({ isSound: true })
  await rm(first, { recursive: true })
  expect(await offer.verify(whole.id)).toMatchObject({ isSound: true })

  const found = await openMachine(false)
  found.clock.set(lost.clock.now())
  const restored = await found.project.offer(backupsOffer).restoreProject()
  expect(restored).toMatchObject({ adopted: 3, refused: [], files: { files: 1 }, secrets: ['keys'] })
  expect(restored.tenants).toEqual([
    { tenant: 'hill', takenAt: expect.any(String), problem: null },
    { tenant: 'vale', takenAt: expect.any(String), problem: null },
  ])
  const after = await read(found)
  expect(after).toEqual(before)
  expect(JSON.stringify(after)).not.toContain('bob@example.test')
  const signedIn = await found.request('/auth/v1/token?grant_type=password', {
    method: 'POST',
    body: { email: 'ada@example.test', password: 'correct horse battery' },
  })
  expect(signedIn.status).toBe(200)
  expect((await found.request('/storage/v1/object/public/photos/hill/cow.txt')).body).toBe('a photo of a cow')
  expect(await found.project.offer(storageOffer).reconcile()).toMatchObject({ missing: [] })
  await found.database.asOwner({ text: `insert into public.herds (farm_id, size) values ('hill', 1)` })
  await found.jobs.runDue()
  expect(ran).toEqual(['after the loss'])
}, 300_000)

it('without the key nothing is opened, and a backup of another system is told apart', async () => {
  const stranger = await openTestSystem(farm, {
    environment: {
      PLINTH_FARM_BACKUPS_FOLDER: folder,
      PLINTH_FARM_BACKUPS_KEY: Buffer.alloc(32, 9).toString('base64'),
      PLINTH_FARM_BACKUPS_OLD_KEYS: '[]',
    },
  })
  open.push(stranger)
  const other = await openTestSystem(
    { ...farm, name: 'ranch' },
    { environment: { PLINTH_RANCH_BACKUPS_FOLDER: folder } },
  )
  open.push(other)
  const refused = await other.project
    .offer(backupsOffer)
    .restoreProject()
    .then(
      () => null,
      (error: { code: string }) => error.code,
    )
  expect(refused).toBe('backup_unknown')
  const [theirs] = await open[0]!.project.offer(backupsOffer).list()
  await other.database.asOwner({
    text: `insert into plinth.backups (id, tenant, trigger, status, kind, taken_at, file, sha256)
      values ($1, $2, 'manual', 'completed', 'full', $3, $4, $5)`,
    values: [theirs!.id, theirs!.tenant, theirs!.takenAt, theirs!.file, theirs!.sha256],
  })
  const verified = await other.project.offer(backupsOffer).verify(theirs!.id)
  expect(verified.problem?.code).toBe('backup_foreign')
  // The project's own key is always among them: a key for new backups does not close the old ones.
  expect((await stranger.project.offer(backupsOffer).restoreProject()).adopted).toBe(3)
})

it('a system without tenants is one tenant: full, incremental, restored', async () => {
  const lone = await openTestSystem(
    { ...farm, name: 'lone', tenant: null, journalledTables: ['farms', 'herds', 'settings'] },
    { stream: true, environment: { PLINTH_LONE_BACKUPS_FOLDER: join(folder, 'lone') } },
  )
  open.push(lone)
  const offer = lone.project.offer(backupsOffer)
  await lone.database.asOwner({ text: `insert into public.farms values ('a', null, 'A')` })
  const first = await offer.runSlot()
  await lone.database.asOwner({
    text: `insert into public.herds (farm_id, contact, size) values ('a', 'x', 1)`,
  })
  const then = await read(lone)
  lone.clock.advance(300_000)
  const second = await offer.runSlot()
  expect([first.completed, second.completed, second.failed]).toEqual([1, 1, []])
  const [last] = await offer.list()
  expect(last).toMatchObject({ tenant: '', kind: 'incremental', rows: 1 })
  await lone.database.asOwner({ text: `delete from public.herds; update public.settings set value = 'x'` })
  await offer.restore({ id: last!.id }, actor)
  expect(await read(lone)).toEqual(then)
  lone.clock.advance(300_000)
  await lone.project.tail.settle()
  expect(await offer.runSlot()).toMatchObject({ completed: 1 })
  lone.clock.advance(300_000)
  expect(await offer.runSlot()).toMatchObject({ completed: 0, unchanged: 1 })
})

const actor = { user: null, role: 'owner', requestId: null, via: 'test', reason: null }
