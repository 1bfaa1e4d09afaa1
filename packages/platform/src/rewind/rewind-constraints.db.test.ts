import { asSuperuser } from '@plinth/testing'
import { useRewind, useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { expect, test } from 'vitest'

const schema = `
create table seats (
  id int primary key, shop_id text not null, place int, during int4range,
  unique (place) deferrable initially deferred,
  exclude using gist (during with &&) deferrable initially deferred);
create table people (id int primary key, shop_id text not null, boss int references people deferrable initially deferred);
create table accounts (id int primary key);
create table owned (id int primary key, shop_id text not null, account int references accounts);`

const test_ = useTail(schema, {
  journalled: ['seats', 'people', 'owned'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { run } = test_
const { rewind, head } = useRewind(test_)
const refused = (code: string) => expect.objectContaining({ code })

test('a deferrable unique value that a neighbour has taken meanwhile is refused', async () => {
  await run(`insert into seats values (1, 'a', 7, null)`)
  const point = await head('a')
  await run(`delete from seats where id = 1`)
  await run(`insert into seats values (2, 'b', 7, null)`)
  await expect(rewind('a', point)).rejects.toEqual(refused('rewind_conflict'))
  expect(await run('select id from seats')).toEqual([{ id: 2 }])
  await run(`delete from seats`)
})

test('a deferrable exclusion is checked too; values that swapped come back', async () => {
  await run(`insert into seats values (3, 'a', 1, '[1,5)'), (4, 'a', 2, '[5,9)')`)
  const point = await head('a')
  await run(
    `update seats set place = 3 - place, during = case id when 3 then '[5,9)' else '[1,5)' end::int4range`,
  )
  const swapped = await head('a')
  await rewind('a', point)
  expect(await run('select id, place from seats order by id')).toEqual([
    { id: 3, place: 1 },
    { id: 4, place: 2 },
  ])
  await rewind('a', swapped)
  const before = await head('a')
  await run(`delete from seats where id = 3`)
  await run(`insert into seats values (5, 'b', null, '[6,7)')`)
  await expect(rewind('a', before)).rejects.toEqual(refused('rewind_conflict'))
  expect(await run('select id from seats order by id')).toEqual([{ id: 4 }, { id: 5 }])
})

test('rows that refer to each other, and to themselves, come back together', async () => {
  await run(`insert into people values (1, 'a', 1), (2, 'a', 3), (3, 'a', 2)`)
  const before = await run('select * from people order by id')
  const point = await head('a')
  await run(`delete from people`)
  await rewind('a', point)
  expect(await run('select * from people order by id')).toEqual(before)
})

test('what comes back holds on to rows outside the journal that somebody is about to delete', async () => {
  await run(`insert into accounts values (1), (2); insert into owned values (1, 'a', 1)`)
  const point = await head('a')
  await run(`delete from owned`)
  const other = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  other.on('error', () => undefined)
  await other.connect()
  await other.query('begin; delete from accounts where id = 1')
  const rewinding = rewind('a', point).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
  const waits = `select from pg_stat_activity where application_name like 'plinth rewind%' and wait_event_type = 'Lock'`
  await expect
    .poll(async () => (await asSuperuser(test_.database.addresses, waits)).length, { timeout: 4_000 })
    .toBe(1)
  await other.query('commit')
  await other.end()
  expect(await rewinding).toBe('rewind_orphans')
  expect(await run('select * from owned')).toEqual([])
})

test('row security that binds the owner too refuses the rewind: what it hides could not be undone', async () => {
  await run(`create policy nobody on people for all to public using (false);
    alter table people enable row level security, force row level security`)
  await asSuperuser(test_.database.addresses, `insert into public.people values (9, 'a', null)`)
  const point = await head('a')
  await asSuperuser(test_.database.addresses, `delete from public.people where id = 9`)
  await expect(rewind('a', point)).rejects.toEqual(refused('rewind_forbidden'))
  await run('alter table people no force row level security')
  await rewind('a', point)
  expect(await asSuperuser(test_.database.addresses, 'select id from public.people where id = 9')).toEqual([
    { id: 9 },
  ])
})

test('writers of the same tables wait, and write afterwards', async () => {
  await run(`insert into people values (20, 'a', null), (30, 'b', null)`)
  const point = await head('a')
  await run(`update people set boss = 20 where id = 20`)
  let done = false
  const writing = (async () => {
    for (let n = 0; !done; n += 1)
      await run(`insert into people values ($1, $2, null)`, 1_000 + n, n % 2 ? 'a' : 'b')
  })()
  const before = await head('a')
  await rewind('a', point)
  const undone = (await head('a')) - before
  done = true
  await writing
  expect(await run('select boss from people where id = 20')).toEqual([{ boss: null }])
  // What was written before the rewind went with it, what came after stays; neighbours kept all of theirs.
  const [left] = await run(`select count(*) filter (where shop_id = 'a')::int as own,
    bool_and(shop_id <> 'b' or boss is null) as whole from people where id >= 1000`)
  expect(left!.whole).toBe(true)
  expect(undone).toBeGreaterThan(0)
  const [hole] =
    await run(`select count(*)::int as missing from generate_series(1000, (select max(id) from people)) n
    where n % 2 = 0 and not exists (select from people where id = n)`)
  expect(hole).toEqual({ missing: 0 })
})
