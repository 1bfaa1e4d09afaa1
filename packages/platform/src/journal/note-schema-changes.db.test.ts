import { createTestDatabase } from '@plinth/testing'
import { useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { applyMigrations, readPlatformMigrations } from '../database/index.ts'
import { readTailMigrations } from '../tail/index.ts'
import { publishTables, readJournalMigrations } from './index.ts'

const schema = `
create type mood as enum ('calm', 'cross');
create table goods (id int primary key, a text, b text, price int, feeling mood);
insert into goods values (1);
create table empty_one (id int primary key);`

const journalled = ['goods', 'empty_one']
const test_ = useTail(schema, { journalled })
const { run } = test_

/** What was noted since the last call, as `relation reason`, in order. */
let seen = 0
async function noted(): Promise<string[]> {
  const rows = await run(
    `select id::int as id, relation || ' ' || reason as what from plinth_journal.schema_changes where id > $1 order by id`,
    seen,
  )
  seen = Math.max(seen, ...rows.map(({ id }) => id as number))
  return rows.map(({ what }) => what as string)
}

test('tables are noted when they are journalled, an empty one as such', async () => {
  expect(
    await run('select relation, was_empty from plinth_journal.schema_changes order by relation'),
  ).toEqual([
    { relation: 'public.empty_one', was_empty: true },
    { relation: 'public.goods', was_empty: false },
  ])
  await noted()
})

test.each([
  ['alter table goods rename a to aside', ['public.goods changed']],
  ['alter table goods rename b to a', ['public.goods changed']],
  ['alter table goods rename aside to b', ['public.goods changed']],
  ['alter table goods alter price type int using price * 100', ['public.goods rewritten']],
  ['alter table goods alter price type bigint', ['public.goods rewritten']],
  ['alter table goods add late text', ['public.goods changed']],
  ['alter table goods add later uuid default gen_random_uuid()', ['public.goods changed']],
  ['alter table goods drop late', ['public.goods changed']],
  [`alter type mood rename value 'calm' to 'serene'`, ['public.goods changed']],
  [`do $$ begin execute 'alter table goods rename to bads'; end $$`, ['public.goods gone']],
  ['alter table bads rename to goods', ['public.goods changed']],
  ['drop table empty_one', ['public.empty_one gone']],
  ['create table empty_one (id int primary key)', []],
  ['create index goods_price on goods (price)', []],
  ['vacuum full goods', []],
  ['create table another (id int)', []],
  ['begin; alter table goods add never text; rollback', []],
])('%s', async (statement, expected) => {
  await run(statement)
  expect(await noted()).toEqual(expected)
})

test('each is an entry of the journal, at the place of its commit', async () => {
  await run('alter table goods add placed text')
  const [last] = (await test_.entries('')).slice(-1)
  expect(last).toMatchObject({
    relation: 'plinth_journal.schema_changes',
    operation: 'insert',
    after: { relation: 'public.goods', reason: 'changed' },
  })
  await noted()
})

test('the owner can neither drop nor switch off what notes them', async () => {
  for (const statement of [
    'drop event trigger plinth_note_schema',
    'alter event trigger plinth_note_rewrite disable',
    'alter event trigger plinth_note_schema owner to current_user',
    `insert into plinth_journal.schema_changes (relation, reason) values ('public.goods', 'gone')`,
    'delete from plinth_journal.schema_changes',
    'drop function plinth_journal.note_schema_change() cascade',
  ])
    await expect(run(statement)).rejects.toMatchObject({ code: '42501' })
  expect(await noted()).toEqual([])
})

test('a table that is journalled no more, and again', async () => {
  await publishTables(test_.database, { journalled: ['goods'], realtime: [], tenant: null })
  await publishTables(test_.database, { journalled, realtime: [], tenant: null })
  expect(await noted()).toEqual(['public.empty_one released', 'public.empty_one journalled'])
  await run('drop table empty_one; create table empty_one (id int primary key)')
  await publishTables(test_.database, { journalled, realtime: [], tenant: null })
  expect(await noted()).toContain('public.empty_one gone')
  expect(await run('select reason from plinth_journal.schema_changes order by id desc limit 1')).toEqual([
    { reason: 'journalled' },
  ])
})

test('without an administrator who may, the runner of migrations notes what they do', async () => {
  const sets = [readPlatformMigrations(), readTailMigrations(), readJournalMigrations()]
  const test = await createTestDatabase({ migrations: sets.slice(1), seed: schema })
  const migrate = async (...texts: string[]) =>
    applyMigrations(test.addresses, [
      ...(await Promise.all(sets)),
      {
        name: 'own',
        migrations: texts.map((sql, place) => ({ name: `00${place + 1}_change`, sql, checksum: sql })),
      },
    ])
  const reasons = async () => {
    const { rows } = await test.database.asOwner<{ reason: string }>({
      text: 'select reason from plinth_journal.schema_changes order by id',
    })
    return rows.map(({ reason }) => reason)
  }
  try {
    await publishTables(test.database, { journalled: ['goods'], realtime: [], tenant: null })
    const swap =
      'alter table goods rename a to c; alter table goods rename b to a; alter table goods rename c to b'
    const scale = 'alter table goods alter price type int using price * 100'
    await migrate(swap, scale)
    expect(await reasons()).toEqual(['journalled', 'changed', 'rewritten'])
    // What was changed past the runner is noted before the next migration.
    await test.database.asOwner({ text: 'vacuum full goods' })
    await test.database.asOwner({ text: 'alter table goods add past text' })
    await migrate(swap, scale, 'create table other (id int)')
    expect(await reasons()).toEqual(['journalled', 'changed', 'rewritten', 'changed'])
  } finally {
    await test.drop()
  }
})
