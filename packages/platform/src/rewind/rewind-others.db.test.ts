import { useRewind, useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { sql } from '../database/index.ts'

const schema = `
create table shops (id text primary key, name text);
create table items (id int primary key, shop_id text not null references shops on delete cascade, name text, sku text unique);
create table photos (id int primary key, item_id int not null references items on delete cascade);
create table tags (photo_id int references photos on delete cascade, above int, label text unique);
create table baskets (id int primary key, item_id int references items on delete set null);
create table receipts (id int primary key, item_id int not null references items);
create table ratings (id int primary key, shop_id text, item_id int references items on delete cascade);
create table payments (id int primary key, shop_id text not null, item_id int references items, amount int);
insert into shops values ('a', 'A'), ('b', 'B'), ('c', 'C');`

const test_ = useTail(schema, {
  journalled: ['shops', 'items', 'payments'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { run } = test_
const { rewind, preview, head } = useRewind(test_)
const failing = (code: string) => expect.objectContaining({ code })

test('rows outside the journal go with the row that they belong to, as a delete takes them; the preview counts them', async () => {
  const point = await head('a')
  await run(`insert into items values (1, 'a', 'x'), (2, 'a', 'y');
    insert into photos values (1, 1), (2, 1), (3, 2); insert into tags values (1, null, 't'), (3, null, 'u');
    insert into baskets values (1, 1), (2, null); insert into ratings values (1, 'a', 1), (2, null, 1)`)
  await head('a')
  const lost = [
    { table: 'public.baskets', rows: 1, as: 'detached' },
    { table: 'public.photos', rows: 3, as: 'removed' },
    { table: 'public.ratings', rows: 2, as: 'removed' },
    { table: 'public.tags', rows: 2, as: 'removed' },
  ]
  expect(await preview('a', point)).toMatchObject({ lost })
  expect(await run('select count(*)::int as n from photos')).toEqual([{ n: 3 }])
  expect(await rewind('a', point)).toMatchObject({ lost })
  expect(
    await run('select id from photos union all select 0 from tags union all select id from ratings'),
  ).toEqual([])
  expect(await run('select id, item_id from baskets order by id')).toEqual([
    { id: 1, item_id: null },
    { id: 2, item_id: null },
  ])
  await run('delete from baskets')
})

test('rows that refer without a cascade, and those of a neighbour, refuse the rewind', async () => {
  const point = await head('a')
  await run(`insert into items values (3, 'a', 'x'); insert into receipts values (1, 3)`)
  await expect(rewind('a', point)).rejects.toEqual(failing('rewind_orphans'))
  await run(`delete from receipts; insert into ratings values (3, 'b', 3)`)
  await expect(rewind('a', point)).rejects.toEqual(failing('rewind_orphans'))
  expect(await run('select id from ratings')).toEqual([{ id: 3 }])
  await run(`delete from ratings`)
  await rewind('a', point)
})

test('a row that went to another tenant, or came from one, is told and refused, or left where it is', async () => {
  await run(`insert into items values (10, 'a', 'mine'), (11, 'a', 'stays')`)
  const [a, b] = [await head('a'), await head('b')]
  await run(`update items set shop_id = 'b' where id = 10; update items set name = 'changed' where id = 11`)
  await head('b')
  const moved = [{ table: 'public.items', key: '["10"]' }]
  expect(await preview('a', a)).toMatchObject({ moved })
  expect(await preview('b', b)).toMatchObject({ moved, tables: [] })
  await expect(rewind('a', a)).rejects.toEqual(failing('rewind_row_moved'))
  await expect(rewind('b', b)).rejects.toEqual(failing('rewind_row_moved'))
  await rewind('b', b, { leaveMoved: true })
  expect(await rewind('a', a, { leaveMoved: true })).toMatchObject({ moved })
  expect(await run('select id, shop_id, name from items order by id')).toEqual([
    { id: 10, shop_id: 'b', name: 'mine' },
    { id: 11, shop_id: 'a', name: 'stays' },
  ])
  // There and back again is no move.
  const here = await head('a')
  await run(
    `update items set shop_id = 'c' where id = 11; update items set shop_id = 'a', name = 'back' where id = 11`,
  )
  await rewind('a', here)
  expect(await run('select name from items where id = 11')).toEqual([{ name: 'stays' }])
  await run('delete from items')
})

test('only the tables that are named', async () => {
  await run(`insert into items values (20, 'a', 'x'); insert into payments values (1, 'a', 20, 5)`)
  const point = await head('a')
  await run(
    `update items set name = 'y' where id = 20; update payments set amount = 7; update shops set name = 'Z' where id = 'a'`,
  )
  expect(await preview('a', point, { tables: ['items', 'public.shops'] })).toMatchObject({
    undone: 2,
    tables: [{ table: 'public.items' }, { table: 'public.shops' }],
  })
  await rewind('a', point, { tables: ['items', 'public.shops'] })
  expect(
    await run(
      `select i.name, p.amount, s.name as shop from items i, payments p, shops s where i.id = 20 and s.id = 'a'`,
    ),
  ).toEqual([{ name: 'x', amount: 7, shop: 'A' }])
  // Undoing brings back what the rewind took, and nothing more.
  await run('delete from payments; delete from items')
})

test('facts are kept with what they refer to, whatever else is taken back', async () => {
  const point = await head('a')
  await run(
    `insert into items values (30, 'a', 'paid'), (31, 'a', 'by mistake'); insert into payments values (2, 'a', 30, 9)`,
  )
  await head('a')
  const keeps = [
    sql`select 'public.payments' as relation, json_build_array(id::text) as key from payments where shop_id = ${'a'}`,
    sql`select 'public.items' as relation, json_build_array(item_id::text) as key from payments where shop_id = ${'a'}`,
  ]
  await expect(rewind('a', point, { tables: ['items'] })).rejects.toEqual(failing('rewind_orphans'))
  expect(await preview('a', point, { keeps })).toMatchObject({
    kept: { 'public.payments': 1, 'public.items': 1 },
    tables: [{ table: 'public.items', removed: 1 }],
  })
  expect(await rewind('a', point, { keeps })).toMatchObject({
    kept: { 'public.payments': 1, 'public.items': 1 },
  })
  expect(await run('select id from items union all select amount from payments order by 1')).toEqual([
    { id: 9 },
    { id: 30 },
  ])
})
