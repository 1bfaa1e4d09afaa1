import { useTestDatabase } from '@plinth/testing'
import { expect, inject, test } from 'vitest'
import { readTailMigrations } from '../tail/index.ts'
import { type PublishedTables, publishTables, readJournalMigrations } from './index.ts'

const schema = `
create table shops (id text primary key);
create table items (id int primary key, shop_id text, doubled int generated always as (id * 2) stored);
create table logs (line text);
create table people (id int primary key, shop_id text, email text);
create table derived (n int, id int generated always as (n * 2) stored primary key);
create table sorted (id int primary key, shop_id text generated always as (case id % 2 when 0 then 'a' else 'b' end) stored);
create view seen as select * from items;`

const test_ = useTestDatabase({ migrations: [readTailMigrations(), readJournalMigrations()], seed: schema })
const run = async (text: string) => (await test_.database.asOwner({ text })).rows
const synchronise = (tables: Partial<PublishedTables>) =>
  publishTables(test_.database, {
    journalled: [],
    realtime: [],
    tenant: { table: 'shops', column: 'shop_id' },
    ...tables,
  })
const published = () =>
  run(
    `select tablename from pg_publication_tables where pubname = 'plinth_tail' and schemaname = 'public' order by 1`,
  )
const failing = (code: string) => expect.objectContaining({ code })

test('journalled and realtime tables are published with complete images, and taken out again', async () => {
  await synchronise({ journalled: ['shops', 'items'], realtime: ['items', 'people'] })
  await synchronise({ journalled: ['shops', 'items'], realtime: ['items', 'people'] })
  expect(await published()).toEqual([{ tablename: 'items' }, { tablename: 'people' }, { tablename: 'shops' }])
  expect(
    await run(`select relation, primary_key, tenant_column from plinth_journal.tables order by 1`),
  ).toEqual([
    { relation: 'public.items', primary_key: ['id'], tenant_column: 'shop_id' },
    { relation: 'public.shops', primary_key: ['id'], tenant_column: 'id' },
  ])
  expect(
    await run(
      `select count(*)::int as n from pg_class where relreplident = 'f' and relnamespace = 'public'::regnamespace`,
    ),
  ).toEqual([{ n: 3 }])
  await expect(run('truncate items')).rejects.toThrow(/cannot be truncated/)
  await run('truncate people')
  // What the traps of PostgreSQL 18 are about: updates of tables with generated columns go on working.
  await run(`insert into items (id) values (1)`)
  await run(`update items set id = 2`)

  await synchronise({ realtime: ['items'] })
  expect(await published()).toEqual([{ tablename: 'items' }])
  expect(await run('select from plinth_journal.tables')).toEqual([])
  await run('truncate items')
  await synchronise({})
  expect(await published()).toEqual([])
})

test('what cannot be followed is named, and nothing is changed', async () => {
  await expect(synchronise({ journalled: ['nowhere'] })).rejects.toEqual(failing('tail_unknown_table'))
  await expect(synchronise({ realtime: ['seen'] })).rejects.toEqual(failing('tail_unknown_table'))
  await expect(synchronise({ realtime: ['items', 'logs'] })).rejects.toEqual(failing('tail_no_primary_key'))
  const tenant = { table: 'shops', key: 'number', column: 'shop_id' }
  await expect(synchronise({ journalled: ['shops'], tenant })).rejects.toEqual(
    failing('journal_unknown_column'),
  )
  const personal = { people: { columns: ['phone'], subject: 'id' } }
  await expect(synchronise({ journalled: ['people'], personal })).rejects.toEqual(
    failing('journal_unknown_column'),
  )
  for (const column of ['id', 'shop_id']) {
    const sealed = { people: { columns: [column], subject: 'id' } }
    await expect(synchronise({ journalled: ['people'], personal: sealed })).rejects.toEqual(
      failing('journal_sealed_key'),
    )
  }
  for (const table of ['derived', 'sorted'])
    await expect(synchronise({ journalled: [table] })).rejects.toEqual(failing('journal_generated_key'))
  expect(await published()).toEqual([])
})

test('a virtual generated column is refused before it breaks every update', async () => {
  if (inject('postgresMajor') < 18) {
    await expect(
      run('create table v (id int primary key, twice int generated always as (id * 2) virtual)'),
    ).rejects.toThrow(/syntax/)
    return
  }
  await run('create table v (id int primary key, twice int generated always as (id * 2) virtual)')
  await expect(synchronise({ realtime: ['v'] })).rejects.toEqual(failing('tail_virtual_column'))
})
