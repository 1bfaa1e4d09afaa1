import { createRandom } from '@plinth/testing'
import { useRewind, useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { expect, test } from 'vitest'
import { verifyJournal } from '../journal/index.ts'

const schema = `
create table shops (id text primary key, name text);
create table items (id int primary key, shop_id text not null references shops, stock int not null, slot int, unique (shop_id, slot));
create table notes (id int primary key, shop_id text not null, item_id int references items on delete cascade, body text);
create table loose (id int primary key, shop_id text not null, n int not null);
insert into shops values ('a', 'A'), ('b', 'B');`

const test_ = useTail(schema, {
  journalled: ['shops', 'items', 'notes', 'loose'],
  tenant: { table: 'shops', column: 'shop_id' },
})
const { run } = test_
const { rewind, head } = useRewind(test_)
const rounds = process.env.PLINTH_TEST_LONG === '1' ? 200 : 8

/** What a writer may be told: its row went, or a value is taken. Nobody is ended for a rewind. */
const expected = new Set(['23503', '23505'])

async function write(tenant: string, seed: number, goesOn: () => boolean): Promise<string[]> {
  const pick = createRandom(seed)
  const client = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  client.on('error', () => undefined)
  await client.connect()
  const unexpected: string[] = []
  const offset = tenant === 'a' ? 0 : 1_000
  const statements = [
    () =>
      `insert into items values (${offset + pick(60)}, '${tenant}', 1, ${pick(60)}) on conflict do nothing`,
    // In one order, so that writers do not meet each other in a circle.
    () => `update items set stock = stock + 1 where id in (
      select id from items where shop_id = '${tenant}' and id % 7 = ${pick(7)} order by id for update)`,
    () => `update items set slot = -1 - slot where id = ${offset + pick(60)}`,
    () => `delete from items where id = ${offset + pick(60)}`,
    () =>
      `insert into notes values (${offset + pick(500)}, '${tenant}', ${offset + pick(60)}, 'x') on conflict (id) do update set body = 'y'`,
    () =>
      `insert into loose values (${offset + pick(200)}, '${tenant}', 1) on conflict (id) do update set n = loose.n + 1`,
    () =>
      `begin; update items set stock = 0 where id = ${offset + pick(60)}; update loose set n = 0 where id = ${offset + pick(200)}; commit`,
  ]
  while (goesOn()) {
    await client.query(statements[pick(statements.length)]!()).catch(async (error: pg.DatabaseError) => {
      if (!expected.has(error.code ?? ''))
        unexpected.push(`${error.code} ${error.message} ${error.detail ?? ''}`)
      await client.query('rollback')
    })
  }
  await client.end()
  return unexpected
}

/** The rows that the journal says there are. */
const journalled = (table: string) =>
  run(`
    select key, (select jsonb_object_agg(c.key, c.value order by e.sequence)
      from plinth_journal.entries e, jsonb_each(e.after::jsonb) c
      where e.tenant = last.tenant and e.relation = last.relation and e.key = last.key and e.sequence >= coalesce((
        select max(i.sequence) from plinth_journal.entries i where i.tenant = last.tenant and i.relation = last.relation
          and i.key = last.key and i.operation = 'insert'), 0)) as row
    from (select distinct on (tenant, relation, key) * from plinth_journal.entries where relation = 'public.${table}'
      order by tenant, relation, key, sequence desc) last
    where operation <> 'delete' order by key`)

test('rewinds among writers of the same and of another tenant: every constraint holds, and the journal is the table', async () => {
  let done = false
  const goesOn = () => !done
  const writing = Promise.all([
    write('a', 1, goesOn),
    write('a', 2, goesOn),
    write('b', 3, goesOn),
    write('b', 4, goesOn),
  ])
  const outcomes: string[] = []
  try {
    for (let round = 0; round < rounds; round += 1) {
      const now = await head('a')
      const point = Math.max(0, now - 40 - 30 * (round % 4))
      const outcome = await rewind('a', point).then(
        ({ journalled: isJournalled }) => (isJournalled ? 'done' : 'late'),
        (error: { code: string }) => error.code,
      )
      outcomes.push(outcome)
    }
  } finally {
    done = true
  }
  expect((await writing).flat()).toEqual([])
  // Under such writers a rewind may find no quiet moment; it says so, and most succeed.
  expect(
    outcomes.filter(
      (outcome) => !['done', 'late', 'rewind_busy', 'rewind_conflict', 'rewind_orphans'].includes(outcome),
    ),
  ).toEqual([])
  expect(outcomes.filter((outcome) => outcome === 'done').length).toBeGreaterThan(rounds / 2)
  await test_.tail.settle()
  expect(
    await run(
      'select from notes n where item_id is not null and not exists (select from items where id = n.item_id)',
    ),
  ).toEqual([])
  expect(
    await run('select shop_id, slot from items where slot is not null group by 1, 2 having count(*) > 1'),
  ).toEqual([])
  for (const table of ['items', 'notes', 'loose']) {
    const present = await run(
      `select json_build_array(id::text)::text as key, (select jsonb_object_agg(c.key, c.value) from jsonb_each_text(to_jsonb(t)) c) as row
       from ${table} t order by 1`,
    )
    expect([table, await journalled(table)]).toEqual([table, present])
  }
  expect(await verifyJournal(test_)).toMatchObject({ sound: true })
}, 300_000)
