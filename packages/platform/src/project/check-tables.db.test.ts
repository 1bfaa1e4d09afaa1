import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createTestDatabase } from '@plinth/testing'
import { expect, it, onTestFinished } from 'vitest'
import { readMigrations } from '../database/index.ts'
import { defineSystem, type SystemDeclaration } from '../system/index.ts'
import { checkTables } from './check-tables.ts'

const good = `
create table public.businesses (id uuid primary key);
create table public.bookings (id uuid primary key, business_id uuid, guest text, email text);
alter table public.businesses enable row level security;
alter table public.bookings enable row level security;
`

/** What the check of a system with this SQL says. */
async function check(changes: Partial<SystemDeclaration>, sql = good): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-tables-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, '001_initial_schema.sql'), sql)
  const migrations = () => readMigrations('sample', pathToFileURL(`${folder}/`))
  const own = await migrations()
  const test = await createTestDatabase({ migrations: [own] })
  onTestFinished(() => test.drop())
  const system = defineSystem({
    name: 'sample',
    summary: 'A system.',
    tenant: { table: 'businesses', column: 'business_id' },
    migrations,
    functions: [],
    jobs: [],
    realtimeTables: ['bookings'],
    journalledTables: ['bookings'],
    personalColumns: { bookings: { columns: ['guest'], subject: 'email' } },
    ...changes,
  })
  return checkTables(system, own, test.addresses.ownerDirect).then(
    () => 'nothing',
    (error: Error) => error.message,
  )
}

it('says nothing of a declaration that fits its tables', async () => {
  expect(await check({})).toBe('nothing')
})

it('refuses a table without row security, where it is created', async () => {
  const message = await check({}, `${good}\n-- one more\ncreate table open_house (id uuid primary key);`)
  expect(message).toMatch(
    /001_initial_schema\.sql:8: table open_house has no row security: alter table public\.open_house enable/,
  )
})

it.each<[string, Partial<SystemDeclaration>]>([
  ['tenant: there is no table shops in public', { tenant: { table: 'shops', column: 'business_id' } }],
  ['tenant: no table has a column shop_id', { tenant: { table: 'businesses', column: 'shop_id' } }],
  [
    'tenant: table businesses has no column key',
    { tenant: { table: 'businesses', key: 'key', column: 'business_id' } },
  ],
  ['realtimeTables: there is no table rooms in public', { realtimeTables: ['rooms'] }],
  ['journalledTables: there is no table rooms in public', { journalledTables: ['rooms'] }],
  [
    'personalColumns: table bookings has no column phone',
    { personalColumns: { bookings: { columns: ['phone'], subject: 'email' } } },
  ],
])('refuses what does not exist, in the line of the declaration: %s', async (problem, changes) => {
  const message = await check(changes)
  expect(message).toMatch(/^packages\/platform\/src\/project\/check-tables\.db\.test\.ts:\d+: /)
  expect(message).toContain(problem)
})
