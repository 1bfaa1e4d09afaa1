import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTestSystem, useSystem } from '@plinth/testing/system'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { journalOffer } from '../journal/index.ts'
import { defineSystem } from '../system/index.ts'
import { privacyOffer } from './index.ts'

const schema = `
  create table public.clinics (id text primary key, name text not null);
  create table public.visits (id int primary key, clinic_id text not null references public.clinics, email text,
    complaint text, paid numeric not null default 0);
  create table public.notes (id int primary key, clinic_id text not null, visit_id int not null references public.visits,
    body text not null, email text not null);
  create table public.drugs (name text primary key);
  alter table public.clinics enable row level security;
  alter table public.visits enable row level security;
  alter table public.notes enable row level security;
  alter table public.drugs enable row level security;`

let erased: string[] = []
const clinics = defineSystem({
  name: 'clinics',
  summary: 'Clinics with visits.',
  tenant: { table: 'clinics', column: 'clinic_id' },
  migrations: async () => ({
    name: 'clinics',
    migrations: [{ name: '001_initial_schema.sql', checksum: schema, sql: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['clinics', 'visits', 'notes'],
  personalColumns: {
    visits: { columns: ['email', 'complaint'], subject: 'email' },
    notes: { columns: ['body'], subject: 'email' },
  },
  tenantHooks: () => ({
    export: async function* (tenant) {
      yield { path: 'files/logo.txt', content: `logo of ${tenant}` }
    },
    erase: async (tenant) => void erased.push(tenant),
  }),
})

const system = useSystem(clinics, { stream: true })
const run = async (text: string) => (await system.database.asOwner({ text })).rows
const data = () => system.project.offer(privacyOffer)

let folder: string
beforeEach(async () => {
  erased = []
  folder = join(await mkdtemp(join(tmpdir(), 'plinth-privacy-')), 'export')
  await run(`truncate public.drugs`)
  await run(`delete from public.notes; delete from public.visits; delete from public.clinics;
    insert into public.clinics values ('a', 'North'), ('b', 'South');
    insert into public.visits values (1, 'a', 'ada@example.test', E'a "cough"\\n\\\\', 12.50),
      (2, 'a', 'bob@example.test', 'a fall', 0), (3, 'b', 'ada@example.test', 'a fever', 0);
    insert into public.notes values (10, 'a', 1, 'rest', 'ada@example.test'), (11, 'b', 3, 'tea', 'ada@example.test')`)
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

const lines = async (file: string) =>
  (await readFile(join(folder, file), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('a tenant’s data', () => {
  it('is given out whole and alone, every file listed with its hash', async () => {
    const manifest = await data().tenants.export('a', folder)
    expect(await lines('public.visits.ndjson')).toEqual([
      { id: 1, clinic_id: 'a', email: 'ada@example.test', complaint: 'a "cough"\n\\', paid: 12.5 },
      { id: 2, clinic_id: 'a', email: 'bob@example.test', complaint: 'a fall', paid: 0 },
    ])
    expect((await readdir(folder)).sort()).toEqual([
      'files',
      'manifest.json',
      'public.clinics.ndjson',
      'public.notes.ndjson',
      'public.visits.ndjson',
    ])
    for (const { file, sha256 } of manifest.parts) {
      const bytes = await readFile(join(folder, file))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
    }
    expect(await readFile(join(folder, 'files/logo.txt'), 'utf8')).toBe('logo of a')
  })

  it('is erased whole and alone, with what the hooks remove', async () => {
    expect(await data().tenants.preview('a')).toEqual([
      { table: 'public.notes', rows: 1 },
      { table: 'public.visits', rows: 2 },
      { table: 'public.clinics', rows: 1 },
    ])
    await data().tenants.erase('a')
    expect(erased).toEqual(['a'])
    expect(await run('select id from public.clinics')).toEqual([{ id: 'b' }])
    expect(await run('select id from public.visits')).toEqual([{ id: 3 }])
    expect(await run('select id from public.notes')).toEqual([{ id: 11 }])
    await expect(data().tenants.erase('a')).rejects.toMatchObject({ code: 'unknown_tenant' })
  })

  it('stays as it is when a row of another tenant stands in the way', async () => {
    await run(`insert into public.notes values (12, 'b', 1, 'seen elsewhere', 'x')`)
    await expect(data().tenants.erase('a')).rejects.toMatchObject({ code: 'erasure_refused', status: 409 })
    expect(await run('select count(*)::int as count from public.visits')).toEqual([{ count: 3 }])
  })

  it('is not written over something else, and a tenant that is not there is refused', async () => {
    await expect(data().tenants.export('c', folder)).rejects.toMatchObject({ code: 'unknown_tenant' })
    await data().tenants.export('a', folder)
    await expect(data().tenants.export('b', folder)).rejects.toMatchObject({
      code: 'export_folder_not_empty',
    })
    await writeFile(join(folder, 'x'), '')
  })
})

describe('a person’s data', () => {
  it('is given out from every tenant', async () => {
    await data().persons.export('ada@example.test', folder)
    expect((await lines('public.visits.ndjson')).map(({ id }) => id)).toEqual([1, 3])
    expect((await lines('public.notes.ndjson')).map(({ id }) => id)).toEqual([10, 11])
  })

  it('is taken out of rows that stay, and cannot be read in the journal any more, the erasure included', async () => {
    await run(`insert into plinth.receipts (whose, key, fingerprint, answer)
      select 'user ' || who, 'key', '', 'what ' || who || ' was answered' from unnest('{ada@example.test,bob@example.test}'::text[]) who`)
    await data().persons.erase('ada@example.test')
    expect(await run('select whose from plinth.receipts')).toEqual([{ whose: 'user bob@example.test' }])
    expect(await run('select id, email, complaint from public.visits order by id')).toEqual([
      { id: 1, email: null, complaint: null },
      { id: 2, email: 'bob@example.test', complaint: 'a fall' },
      { id: 3, email: null, complaint: null },
    ])
    expect(await run('select body from public.notes where id = 10')).toEqual([{ body: '(erased)' }])
    await system.project.tail.settle()
    const shown = JSON.stringify(await system.project.offer(journalOffer).show({ limit: 1000 }))
    expect(shown).toContain('bob@example.test')
    expect(shown).not.toMatch(/cough|fever|rest"/)
    expect(await system.project.offer(journalOffer).verify({})).toMatchObject({ sound: true })
    await expect(data().persons.preview('nobody@example.test')).rejects.toMatchObject({
      code: 'unknown_person',
    })
  })

  it('is erased again when the journal has not caught up: the key goes all the same', async () => {
    const behind = { settle: () => Promise.reject(new Error('the stream is behind')) }
    await expect(data().persons.erase('bob@example.test', behind)).rejects.toMatchObject({
      code: 'erasure_not_journalled',
    })
    await data().persons.erase('bob@example.test')
    const text = `select sealed_key from plinth_journal.subjects where subject = 'bob@example.test'`
    const { rows } = await system.database.asJournal({ text })
    expect(rows).not.toContainEqual({ sealed_key: expect.anything() })
  })
})

it('a system without tenants says so', async () => {
  const lone = await openTestSystem({ ...clinics, name: 'lone', tenant: null, journalledTables: [] })
  await expect(lone.project.offer(privacyOffer).tenants.preview('a')).rejects.toMatchObject({
    code: 'no_tenants',
  })
  await lone.close()
})
