import { useRewind, useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import { type PublishedTables, publishTables, showJournal, verifyJournal } from '../journal/index.ts'

const schema = `
create type mood as enum ('calm', 'cross');
create domain percent as int check (value between 0 and 100);
create table goods (
  id int primary key, shop_id text not null, label text, price numeric(10,2), at timestamptz, ok bool, code char(4),
  feeling mood, share percent, during int4range, area box, many int[], pairs text[][], doc json, docb jsonb, raw bytea,
  one float4, two float8, span interval, addr inet, bits bit varying(9));
create table short_lived (id int primary key, shop_id text not null);
create table renamed (id int primary key, shop_id text not null);
create table swapped (id int primary key, shop_id text not null, name text unique);`

const journalled = ['goods', 'short_lived', 'renamed', 'swapped']
const tenant = { table: 'shops', column: 'shop_id' }
const test_ = useTail(schema, { journalled, tenant })
const { run } = test_
const { rewind, preview, head } = useRewind(test_)
const publish = (wanted: Partial<PublishedTables>) =>
  publishTables(test_.database, { journalled, realtime: [], tenant, ...wanted })

const refused = (code: string) => expect.objectContaining({ code })
const goods = () => run(`select g::text as row from goods g where shop_id = 'a' order by id`)

test('values of every kind come back as they were, to the last digit and character', async () => {
  const planes = 'a\u00e9\u20ac\u{1f600}\u{20000}\u{e0001}\u{10fffd}\u200d\u202e\ufeff\u0001\u007f'
  await run(
    `insert into goods values (1, 'a', $1, 12345678.90, '0044-03-15 10:00:00.123456+00 BC', false, 'ab', 'cross', 7,
      '[1,5)', '(1.5,2),(0,0)', '{1,NULL,3}', '{{"a","b,c"},{"\\"","{}"}}', '{"b":1,  "a":1e3}', '{"n": 1.000}', '\\x00ff0a',
      'NaN', '-0', '-1 mon +2 days -03:04:05.000001', '10.0.0.1/8', B'0101'),
     (2, 'a', '', -0.01, 'infinity', null, null, null, null, 'empty', null, '[2:3]={7,8}', null, null, '"\\u00e9"', '',
      3.4028235e38, 1.7976931348623157e308, '178000000 years', '::1', B'')`,
    planes,
  )
  const before = await goods()
  const point = await head('a')
  await run(`delete from goods where id = 1`)
  await run(`update goods set price = 1, at = now(), during = null, many = null, one = 0, two = 0, span = null, docb = null,
    raw = null, addr = null, bits = null where id = 2`)
  await rewind('a', point)
  expect(await goods()).toEqual(before)
})

/** What a table was when something of it was changed, and what has become of it since. */
const changes: [string, string, string, RegExp][] = [
  [
    'two columns gave each other their names',
    'id int primary key, shop_id text, a text, b text',
    'alter table t rename a to c; alter table t rename b to a; alter table t rename c to b',
    /was called/,
  ],
  [
    'a column was computed anew in the same type',
    'id int primary key, shop_id text, a int, b text',
    'alter table t alter column a type int using a * 100',
    /computed anew/,
  ],
  [
    'a column was computed anew in a type that writes the same texts',
    'id int primary key, shop_id text, a numeric(10,2), b text',
    'alter table t alter column a type int using a::int',
    /computed anew/,
  ],
  [
    'a column was dropped and another one made under its name',
    'id int primary key, shop_id text, a int, b text',
    'alter table t drop a; alter table t add a int',
    /is another one/,
  ],
  [
    'labels of an enum gave each other their names',
    'id int primary key, shop_id text, a mood, b text',
    `alter type mood rename value 'calm' to 'x'; alter type mood rename value 'cross' to 'calm';
     alter type mood rename value 'x' to 'cross'`,
    /other names for its values/,
  ],
  [
    'rows are told apart by another key',
    'id int primary key, shop_id text, a int not null, b text',
    'alter table t drop constraint t_pkey; alter table t add primary key (id, a)',
    /another primary key/,
  ],
]

test.each(changes)('refused, and nothing is changed: %s', async (_, columns, change, problem) => {
  await run(`create table t (${columns})`)
  try {
    await publish({ journalled: [...journalled, 't'] })
    const value = columns.includes('a mood') ? `'calm'` : '1'
    await run(`insert into t values (1, 'a', ${value}, 'x'), (2, 'a', ${value}, 'y')`)
    const point = await head('a')
    await run(`update t set b = 'z' where id = 1`)
    await test_.tail.settle()
    await run(change)
    const before = await run('select * from t order by id')
    const [outcome] = await Promise.allSettled([rewind('a', point)])
    expect(outcome).toMatchObject({ reason: { code: 'rewind_schema_changed' } })
    expect((outcome as PromiseRejectedResult).reason.message).toMatch(problem)
    await expect(preview('a', point)).rejects.toEqual(refused('rewind_schema_changed'))
    expect(await run('select * from t order by id')).toEqual(before)
    // What was changed after it has the shape of today.
    await run(`update t set b = 'w' where id = 2`)
    const later = await head('a')
    await run(`update t set b = 'v' where id = 2`)
    await rewind('a', later)
    expect(await run('select b from t where id = 2')).toEqual([{ b: 'w' }])
  } finally {
    await publish({})
    await run('drop table t')
  }
})

test('a column whose type became wider takes its values as they were', async () => {
  const point = await head('a')
  await run(`update goods set label = 'x', price = 0.55, code = 'cd' where id = 1`)
  await test_.tail.settle()
  await run(`alter table goods alter column price type numeric(20,2)`)
  await rewind('a', point)
  expect(await run(`select price::text as price from goods where id = 1`)).toEqual([{ price: '12345678.90' }])
})

test('a column that was added since is kept as it is, also where rows trade places; who comes back has its default', async () => {
  await run(`insert into swapped values (1, 'a', 'left'), (2, 'a', 'right'), (3, 'a', 'gone')`)
  const point = await head('a')
  await run(`update swapped set name = 'aside' where id = 1; update swapped set name = 'left' where id = 2;
    update swapped set name = 'right' where id = 1; delete from swapped where id = 3`)
  await test_.tail.settle()
  await run(`alter table swapped add late text default 'new'`)
  await run(`update swapped set late = 'kept ' || id`)
  await rewind('a', point)
  expect(await run('select id, name, late from swapped order by id')).toEqual([
    { id: 1, name: 'left', late: 'kept 1' },
    { id: 2, name: 'right', late: 'kept 2' },
    { id: 3, name: 'gone', late: 'new' },
  ])
})

test('a column that was renamed is refused, and shown under the name that it had', async () => {
  const point = await head('a')
  await run(`update goods set label = 'before' where id = 1`)
  await test_.tail.settle()
  await run(`alter table goods rename column label to title`)
  await run(`update goods set title = 'after' where id = 1`)
  const shown = await (async () => {
    await test_.tail.settle()
    return showJournal({ database: test_.database, tenant: 'a', table: 'goods', limit: 2 })
  })()
  expect(shown.map(({ changes }) => changes)).toMatchObject([
    [{ column: 'label', to: 'before' }],
    [{ column: 'title', from: 'before', to: 'after' }],
  ])
  await expect(rewind('a', point)).rejects.toEqual(refused('rewind_schema_changed'))
  await run(`alter table goods rename column title to label`)
})

test('rows of a column that was dropped come back without it', async () => {
  const point = await head('a')
  await run(`delete from goods where id = 2`)
  await test_.tail.settle()
  await run(`alter table goods drop column area`)
  await rewind('a', point)
  expect(await run(`select id, addr = '::1' as same from goods where id = 2`)).toEqual([
    { id: 2, same: true },
  ])
})

test('a table that is gone, was renamed or is not journalled any more is refused, not passed over', async () => {
  await run(`insert into short_lived values (1, 'a')`)
  await run(`insert into renamed values (1, 'a')`)
  const point = await head('a')
  await run(`update goods set label = 'later' where id = 1`)
  await run(`delete from short_lived`)
  await test_.tail.settle()
  await publish({ journalled: ['goods', 'renamed'] })
  await expect(preview('a', point)).rejects.toEqual(refused('rewind_table_gone'))
  await run(`drop table short_lived`)
  await expect(rewind('a', point)).rejects.toEqual(refused('rewind_table_gone'))

  const later = await head('a')
  await run(`delete from renamed`)
  await test_.tail.settle()
  await run(`alter table renamed rename to other_name`)
  await publish({ journalled: ['goods', 'other_name'] })
  await expect(rewind('a', later)).rejects.toMatchObject({
    code: expect.stringMatching(/^rewind_table_(gone|younger)$/),
  })
  await run(`insert into other_name values (2, 'a')`)
  expect((await test_.entries('a')).at(-1)).toMatchObject({ relation: 'public.other_name', key: '["2"]' })
})

test('a table that was made anew under its name is as young as it is', async () => {
  await run(`create table replaced (id int primary key, shop_id text not null)`)
  await publish({ journalled: ['goods', 'replaced'] })
  await run(`insert into replaced values (1, 'a')`)
  const point = await head('a')
  await run(`insert into replaced values (2, 'a')`)
  await test_.tail.settle()
  // As migrations do it: what is copied comes past the journal.
  await run(`create table replaced_2 (id int primary key, shop_id text not null);
    insert into replaced_2 select * from replaced where id > 1; drop table replaced; alter table replaced_2 rename to replaced`)
  await publish({ journalled: ['goods', 'replaced'] })
  await expect(rewind('a', point)).rejects.toEqual(refused('rewind_table_younger'))
  // The number of a change names the state right after it, when the table was another one.
  await expect(rewind('a', await head('a'))).rejects.toEqual(refused('rewind_table_younger'))
  await run(`insert into replaced values (3, 'a')`)
  const later = await head('a')
  await run(`insert into replaced values (4, 'a')`)
  await rewind('a', later)
  expect(await run('select id from replaced order by 1')).toEqual([{ id: 2 }, { id: 3 }])
  expect(await verifyJournal(test_)).toMatchObject({ sound: true })
})

test('a table that is younger than the point refuses only tenants that have rows in it', async () => {
  await publish({ journalled: ['goods'] })
  const points = { a: await head('a'), b: await head('b') }
  await run(
    `update goods set label = 'before' where id = 1; insert into goods (id, shop_id) values (50, 'b')`,
  )
  await test_.tail.settle()
  await run(`create table filled (id int primary key, shop_id text not null); insert into filled values (1, 'a');
    create table added (id int primary key, shop_id text not null)`)
  await publish({ journalled: ['goods', 'filled', 'added'] })
  await run(`insert into added values (1, 'a'), (2, 'b')`)
  await expect(rewind('a', points.a)).rejects.toMatchObject({
    code: 'rewind_table_younger',
    details: { table: 'public.filled' },
  })
  // What came into a table that was empty is known from its first row on.
  expect(await preview('b', points.b)).toMatchObject({
    tables: [
      { table: 'public.added', removed: 1 },
      { table: 'public.goods', removed: 1 },
    ],
  })
  await rewind('b', points.b)
  expect(await run(`select id from added order by 1`)).toEqual([{ id: 1 }])
})
