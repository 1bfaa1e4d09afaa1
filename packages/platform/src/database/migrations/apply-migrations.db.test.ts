import { createHash } from 'node:crypto'
import { createTestDatabase } from '@plinth/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sql } from '../sql.ts'
import { applyMigrations } from './apply-migrations.ts'
import type { MigrationSet } from './read-migrations.ts'

/** A set whose files are given by name: `{ '001_first': 'create table …' }`. */
function setOf(files: Record<string, string>): MigrationSet {
  const checksumOf = (text: string) => createHash('sha256').update(text).digest('hex')
  return {
    name: 'tested',
    migrations: Object.entries(files).map(([name, text]) => ({
      name,
      sql: text,
      checksum: checksumOf(text),
    })),
  }
}

const first = { '001_first': 'create table public.first (id int primary key);' }
const second = { '003_second': 'create table public.second (id int primary key);' }

let test: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

const apply = (files: Record<string, string>) => applyMigrations(test.addresses.ownerDirect, [setOf(files)])
const exists = async (table: string) =>
  (await test.database.asOwner<{ found: boolean }>(sql`select to_regclass(${table}) is not null as found`))
    .rows[0]!.found

it('applies what is missing, once, however many nodes start at the same time', async () => {
  const reports = await Promise.all([apply(first), apply(first), apply(first)])
  expect(reports.flatMap((report) => report.applied)).toEqual(['tested/001_first'])
  expect((await apply({ ...first, ...second })).applied).toEqual(['tested/003_second'])
})

it('leaves the database as it was when one is broken', async () => {
  const broken = { '004_broken': 'create table public.half (id int); select 1 / 0;' }
  await expect(apply({ ...first, ...second, ...broken })).rejects.toMatchObject({ code: 'migration_failed' })
  expect(await exists('public.half')).toBe(false)
  expect((await apply({ ...first, ...second })).applied).toEqual([])
})

it.each([
  ['edited after its release', { '001_first': '-- edited', ...second }, 'migration_edited'],
  ['gone', second, 'migration_missing'],
  [
    'numbered before the last one',
    { ...first, '002_late': 'create table public.late ();', ...second },
    'migration_out_of_order',
  ],
])('refuses a migration that is %s, and changes nothing', async (_case, files, code) => {
  await expect(apply({ ...files, '009_new': 'create table public.newest ();' })).rejects.toMatchObject({
    code,
  })
  expect([await exists('public.late'), await exists('public.newest')]).toEqual([false, false])
})
