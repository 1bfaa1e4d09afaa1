import { createHash } from 'node:crypto'
import { createTestDatabase } from '@plinth/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readPlatformMigrations } from '../platform-migrations.ts'
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

const apply = async (files: Record<string, string>, more: readonly MigrationSet[] = []) =>
  applyMigrations(test.addresses, [await readPlatformMigrations(), setOf(files), ...more])
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
  ['create table public.half (id int);\n\nselekt 1', ':3: syntax error at or near "selekt"'],
  ['create table public.half (id int);\n-- twice\ncreate table public.half (id int);', ':3: relation "half"'],
])('names the line that is broken', async (text, problem) => {
  await expect(apply({ ...first, ...second, '004_broken': text })).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringContaining(`004_broken${problem}`),
  })
})

it('says in PostgreSQL’s words why one cannot run in a transaction, and leaves the database as it was', async () => {
  const concurrent = {
    '004_index': 'create table public.wide (id int); create index concurrently on public.wide (id);',
  }
  await expect(apply({ ...first, ...second, ...concurrent })).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringContaining('CREATE INDEX CONCURRENTLY cannot'),
  })
  expect(await exists('public.wide')).toBe(false)
})

it.each(['commit', 'ROLLBACK', 'begin', 'start  transaction', 'abort'])(
  'refuses one that says `%s` before it changes anything',
  async (statement) => {
    const torn = { '004_torn': `create table public.torn (id int);\n${statement};\nselect 1 / 0;` }
    await expect(apply({ ...first, ...second, ...torn })).rejects.toMatchObject({
      code: 'migration_not_atomic',
    })
    expect(await exists('public.torn')).toBe(false)
  },
)

it('takes words like commit for what they are elsewhere: texts, comments, names and bodies', async () => {
  const body = `-- commit;
    create table public.words ("end" text default 'a; commit; it''s; rollback;', begin_at int);
    create function public.say() returns int language plpgsql as $body$ begin; return 1; end; $body$; /* ; abort; */
    create function public.tell() returns int language sql begin atomic select case 1 when 1 then 1 end; end;`
  const plpgsql = body.replace('begin;', 'begin')
  expect((await apply({ ...first, ...second, '005_words': plpgsql })).applied).toEqual(['tested/005_words'])
  await test.database.asOwner(sql`delete from plinth.migrations where name = '005_words'`)
})

it('refuses a database that a newer version has changed, and changes nothing', async () => {
  const newer = {
    name: 'newer',
    migrations: setOf({ '001_newer': 'create table public.newer ();' }).migrations,
  }
  await apply({ ...first, ...second }, [newer])
  await expect(
    apply({ ...first, ...second, '009_new': 'create table public.newest ();' }),
  ).rejects.toMatchObject({ code: 'migration_missing', message: expect.stringContaining('newer/001_newer') })
  expect(await exists('public.newest')).toBe(false)
  await test.database.asOwner(sql`delete from plinth.migrations where set = 'newer'`)
})

it.each([
  ['renamed', { '001_other': first['001_first'], ...second }, 'migration_missing'],
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
