import { useRewind, useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { ProjectDatabase } from '../database/index.ts'
import { eraseSubject, erasureLock, showJournal, verifyJournal } from '../journal/index.ts'
import { findRewind } from './find-rewind.ts'

const schema = `
create table shops (id text primary key, name text not null);
create table categories (
  id uuid primary key default gen_random_uuid(), shop_id text not null references shops on delete cascade,
  name text not null, unique (shop_id, name));
create table items (
  id bigint generated always as identity primary key,
  shop_id text not null references shops on delete cascade,
  category uuid references categories on delete set null,
  sku text not null unique, price numeric(12,2), stock int not null default 0 check (stock >= 0),
  worth numeric generated always as (price * stock) stored,
  doc jsonb, tags text[], at timestamptz, span interval, bytes bytea, ratio float8,
  "odd name" text, touched int not null default 0);
create table customers (id text primary key, shop_id text not null, email text, city text not null default '', vip boolean, home inet);
create table outside (id int primary key, item_id bigint not null references items);
create function touch() returns trigger language plpgsql as $$
begin new.touched := new.touched + 1; return new; end $$;
create trigger touch before insert or update on items for each row execute function touch();
insert into shops values ('a', 'Shop A'), ('b', 'Shop B'), ('moving', 'x'), ('other', 'y');`

const test_ = useTail(schema, {
  journalled: ['shops', 'categories', 'items', 'customers'],
  tenant: { table: 'shops', column: 'shop_id' },
  personal: { customers: { columns: ['email', 'vip', 'home'], subject: 'id' } },
})
const { run } = test_
const { rewind, preview, head } = useRewind(test_)

/** Every row of every table, as text, by tenant. */
async function rowsOf(tenant: string): Promise<unknown[]> {
  return run(
    `select 'shops' as t, s::text as row from shops s where id = $1
     union all select 'categories', c::text from categories c where shop_id = $1
     union all select 'items', i::text from items i where shop_id = $1
     union all select 'customers', c::text from customers c where shop_id = $1 order by 1, 2`,
    tenant,
  )
}

const failing = (code: string) => expect.objectContaining({ code })

test('everything that was added, changed and deleted since is as it was, to the last digit; undoing it works too', async () => {
  await run(`insert into items (shop_id, sku, price, stock, doc, tags, at, span, bytes, ratio, "odd name") values
    ('a', 'kept', 1, 1, null, null, null, null, null, null, null),
    ('a', 'tea', 9.90, 3, '{"n": 12345678901234567890.10, "t": null}', '{a,"b,c",NULL}', '2026-03-29 01:59:59.123456+00',
      '1 mon 2 days 03:04:05.678', '\\x00ff27', 0.1::float8 + 0.2, E'quote '' and "tab\\t"'),
    ('a', 'gone', 2, 2, '[]', '{}', now(), '-00:00:01', '', 'NaN', '')`)
  const before = await rowsOf('a')
  const point = await head('a')
  await run(
    `update items set price = 12.5, doc = '{}', tags = '{z}', span = null, ratio = 1, "odd name" = null where sku = 'tea'`,
  )
  await run(`delete from items where sku = 'gone'`)
  await run(`insert into items (shop_id, sku) values ('a', 'new'), ('a', 'brief')`)
  await run(`delete from items where sku = 'brief'`)
  await run(`update shops set name = 'Renamed' where id = 'a'`)
  const after = await rowsOf('a')

  expect(await preview('a', point)).toEqual({
    tenant: 'a',
    sequence: point,
    undone: 6,
    tables: [
      { table: 'public.items', removed: 1, restored: 1, reverted: 1 },
      { table: 'public.shops', removed: 0, restored: 0, reverted: 1 },
    ],
    lost: [],
    moved: [],
    kept: {},
    removesTenant: false,
  })
  expect(await rowsOf('a')).toEqual(after)

  const applied = await rewind('a', point)
  expect(applied).toMatchObject({ undone: 6, undoneBy: point + 6 })
  expect(await rowsOf('a')).toEqual(before)
  const entries = await showJournal({ database: test_.database, tenant: 'a', limit: 1 })
  expect(entries[0]!.actor).toMatchObject({
    user: 'operator',
    via: 'rewind',
    reason: `rewind to change ${point} (${applied.id})`,
  })

  await rewind('a', applied.undoneBy!)
  expect(await rowsOf('a')).toEqual(after)
  expect(await verifyJournal(test_)).toMatchObject({ sound: true })
  // Numbers that were given out are not given out again.
  await run(`insert into items (shop_id, sku) values ('a', 'later')`)
})

test('a number in the middle of a commit means the end of that commit', async () => {
  const point = await head('a')
  await run(`with shop as (update shops set name = 'Both' where id = 'a')
    insert into items (shop_id, sku) values ('a', 'together')`)
  const whole = await rowsOf('a')
  await run(`update items set stock = 5 where sku = 'together'`)
  expect(await preview('a', point + 1)).toMatchObject({ sequence: point + 2, undone: 1 })
  await rewind('a', point + 1)
  expect(await rowsOf('a')).toEqual(whole)
  await rewind('a', point)
  expect(await run(`select from items where sku = 'together'`)).toEqual([])
})

test('an instant means the changes that were committed by then, in the order of the sequence', async () => {
  await run(`insert into items (shop_id, sku) values ('b', 'first')`)
  const before = await rowsOf('b')
  await test_.tail.settle()
  const [{ at }] = (await run(`select clock_timestamp() as at`)) as [{ at: string }]
  const instant = new Date(Math.ceil(Date.parse(at)))
  await expect.poll(() => Date.now()).toBeGreaterThan(instant.getTime() + 2)
  await run(`delete from items where sku = 'first'`)
  expect(await preview('b', instant)).toMatchObject({ undone: 1 })
  await rewind('b', instant)
  expect(await rowsOf('b')).toEqual(before)
  expect(await preview('b', new Date())).toMatchObject({ undone: 0, tables: [] })
})

test('rows that swapped unique values get them back', async () => {
  await run(`insert into items (shop_id, sku) values ('a', 'left'), ('a', 'right')`)
  const before = await rowsOf('a')
  const point = await head('a')
  await run(`update items set sku = 'aside' where sku = 'left'`)
  await run(`update items set sku = 'left' where sku = 'right'`)
  await run(`update items set sku = 'right' where sku = 'aside'`)
  await rewind('a', point)
  expect(await rowsOf('a')).toEqual(before)
})

test('a whole tenant that was deleted with all its rows comes back, and its neighbour is not touched', async () => {
  await run(`insert into categories (shop_id, name) values ('a', 'Hot')`)
  await run(`update items set category = (select id from categories where name = 'Hot') where sku = 'kept'`)
  const before = await rowsOf('a')
  const neighbour = await run(`select i.*, xmin::text from items i where shop_id = 'b'`)
  const point = await head('a')
  await run(`delete from shops where id = 'a'`)
  expect(await rowsOf('a')).toEqual([])
  await rewind('a', point)
  expect(await rowsOf('a')).toEqual(before)
  expect(await run(`select i.*, xmin::text from items i where shop_id = 'b'`)).toEqual(neighbour)
})

test('personal values come back opened; those of a person who was erased stay erased', async () => {
  await run(
    `insert into customers (id, shop_id, email, vip, home) values ('ada', 'a', 'ada@example.test', true, '::1'),
      ('bob', 'a', 'bob@example.test', false, '::2'), ('eve', 'a', 'eve@x.test', null, null)`,
  )
  const point = await head('a')
  await run(`update customers set email = null, city = 'Paris', vip = not vip where id in ('ada', 'bob')`)
  await run(`delete from customers where id = 'eve'`)
  await test_.tail.settle()
  await eraseSubject(test_.database, 'bob')
  await eraseSubject(test_.database, 'eve')
  await rewind('a', point)
  expect(await run(`select id, email, city, vip, host(home) as home from customers order by id`)).toEqual([
    { id: 'ada', email: 'ada@example.test', city: '', vip: true, home: '::1' },
    { id: 'bob', email: null, city: '', vip: true, home: '::2' },
  ])
})

test('a person who is erased while a rewind runs stays erased: it waits, and the rewind waits for it', async () => {
  await run(`insert into customers (id, shop_id, email) values ('gil', 'a', 'gil@example.test')`)
  const point = await head('a')
  await run(`delete from customers where id = 'gil'`)
  await head('a')
  const eraser = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  await eraser.connect()
  await eraser.query('select pg_advisory_lock($1)', [erasureLock])
  await expect(rewind('a', point, { lockMilliseconds: 50 })).rejects.toEqual(failing('rewind_busy'))
  const rewinding = rewind('a', point)
  await eraseSubject(test_.database, 'gil')
  await eraser.end()
  await rewinding
  expect(await run(`select from customers where id = 'gil'`)).toEqual([])
})

test('personal values go through a rewind, its undo and the undo of that', async () => {
  await run(
    `insert into customers (id, shop_id, email, vip, home) values ('ida', 'a', 'ida@example.test', true, '::7')`,
  )
  const row = () => run(`select email, city, vip, host(home) as home from customers where id = 'ida'`)
  const before = await row()
  const point = await head('a')
  await run(`update customers set email = 'new@example.test', city = 'Rome', vip = null where id = 'ida'`)
  const after = await row()
  const first = await rewind('a', point)
  expect(await row()).toEqual(before)
  const second = await rewind('a', first.undoneBy!)
  expect(await row()).toEqual(after)
  await rewind('a', second.undoneBy!)
  expect(await row()).toEqual(before)
  const entries = await test_.entries('a')
  const stored = entries
    .filter(({ key }) => key === '["ida"]')
    .map(({ before: b, after: a }) => JSON.stringify([b, a]))
  expect(stored.length).toBeGreaterThan(3)
  for (const text of stored) expect(text).not.toContain('example.test')
})

describe('refused, and nothing is changed', () => {
  test('points that make no sense', async () => {
    const refused = failing('rewind_unknown_point')
    await expect(preview('a', 1_000_000)).rejects.toEqual(refused)
    await expect(preview('a', -1)).rejects.toEqual(refused)
    await expect(preview('a', 1.5)).rejects.toEqual(refused)
    await expect(preview('a', new Date(Date.now() + 60_000))).rejects.toEqual(refused)
    await expect(preview('a', new Date('nonsense'))).rejects.toEqual(refused)
  })

  test('a point before the journal began', async () => {
    await expect(preview('a', new Date(Date.now() - 3_600_000))).rejects.toEqual(failing('rewind_too_old'))
  })

  test('a row that belongs to another tenant now', async () => {
    await run(`insert into items (shop_id, sku) values ('moving', 'nomad')`)
    const point = await head('moving')
    await run(`update items set shop_id = 'other' where sku = 'nomad'`)
    await expect(rewind('moving', point)).rejects.toEqual(failing('rewind_row_moved'))
    expect(await rowsOf('moving')).toHaveLength(1)
    await run(`delete from items where sku = 'nomad'`)
    await head('moving')
  })

  test('a unique value that a neighbour has taken meanwhile', async () => {
    const [item] = await run(`insert into items (shop_id, sku) values ('a', 'wanted') returning id`)
    const point = await head('a')
    await run(`delete from items where id = $1`, item!.id)
    await run(`insert into items (shop_id, sku) values ('b', 'wanted')`)
    const before = await rowsOf('a')
    await expect(rewind('a', point)).rejects.toEqual(failing('rewind_conflict'))
    expect(await rowsOf('a')).toEqual(before)
    await run(`delete from items where sku = 'wanted'`)
  })

  test('rows outside the journal that would refer to nothing, in either direction', async () => {
    const point = await head('a')
    const [item] = await run(`insert into items (shop_id, sku) values ('a', 'referred') returning id`)
    await run(`insert into outside values (1, $1)`, item!.id)
    await expect(rewind('a', point)).rejects.toEqual(failing('rewind_orphans'))
    expect(await run(`select sku from items where id = $1`, item!.id)).toEqual([{ sku: 'referred' }])
    await run(`delete from outside`)

    const [category] = await run(
      `insert into categories (shop_id, name) values ('b', 'Borrowed') returning id`,
    )
    await run(`update items set category = $1 where sku = 'referred'`, category!.id)
    const borrowing = await head('a')
    await run(`update items set category = null where sku = 'referred'`)
    await run(`delete from categories where id = $1`, category!.id)
    await expect(rewind('a', borrowing)).rejects.toEqual(failing('rewind_orphans'))
  })

  test('while somebody else holds the tables', async () => {
    const other = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
    await other.connect()
    await other.query(`begin; update items set stock = stock where sku = 'kept'`)
    const point = await head('a')
    await run(`update shops set name = 'busy' where id = 'a'`)
    await run(`update shops set name = 'still busy' where id = 'a'`)
    await other.query(`update shops set name = 'held' where id = 'a'`)
    const refused = rewind('a', point, { lockMilliseconds: 50 })
    await expect(refused).rejects.toEqual(failing('rewind_busy'))
    await other.query('rollback')
    await other.end()
  })

  test('without the right to switch triggers off', async () => {
    const permitNobody: ProjectDatabase['asJournal'] = () => test_.database.asJournal({ text: 'select' })
    const refused = rewind('a', 0, { database: { ...test_.database, asJournal: permitNobody } })
    await expect(refused).rejects.toEqual(failing('rewind_not_permitted'))
  })

  test('tables that are not journalled', async () => {
    const tables = ['outside']
    await expect(preview('a', await head('a'), { tables })).rejects.toEqual(failing('rewind_unknown_table'))
  })

  test('an undo of a rewind that was not', async () => {
    expect(await findRewind(test_.database, 'a', '018f0000-0000-7000-8000-000000000000')).toBeUndefined()
  })
})
