import { actor, waitFor } from '@plinth/testing'
import { useStops, useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import type { MissedCommits } from './consumers/consumer.ts'
import { comparePositions } from './position.ts'
import { settleElsewhere } from './settle-elsewhere.ts'
import type { Tail } from './tail.ts'

const test_ = useTail(
  `create table items (id int primary key, name text);
   create table others (id int primary key);
   create policy everyone on items for all to authenticated using (true) with check (true);`,
  { journalled: ['items'] },
)
const { run, asJournal, asAdministrator } = test_
const { stops, listen } = useStops()

const slotOf = async (tail: Tail) => (await tail.health()).slot

test('live consumers get each transaction with its actor, and what was committed before a mark has come with it', async () => {
  const seen = listen(test_.tail)
  const ada = { ...actor('ada'), requestId: 'r1' }
  await test_.database.asCaller(ada, { text: `insert into items values (1, 'a'), (2, 'b')` })
  await run(`insert into others values (1)`)
  const position = await test_.tail.synchronise()
  const [first, mark] = seen
  expect(seen).toHaveLength(2)
  expect(first!.transaction).toMatchObject({
    actor: { user: ada.userId, role: 'authenticated', requestId: 'r1', via: null, reason: null },
  })
  expect(first!.changes.map(({ after }) => after)).toEqual([
    { id: '1', name: 'a' },
    { id: '2', name: 'b' },
  ])
  expect(mark).toMatchObject({
    changes: [],
    messages: [{ prefix: 'plinth.mark' }],
    transaction: { position },
  })
  expect(comparePositions(first!.transaction.position, position)).toBeLessThan(0)
  expect(test_.tail.position()).toBe(position)
})

test('another process can wait until everything is stored, and learns when nobody stores', async () => {
  await run(`insert into items values (50, 'z')`)
  await settleElsewhere(test_.database).settle()
  const [stored] = await run(`select count(*)::int as n from plinth_journal.entries where key = '["50"]'`)
  expect(stored).toEqual({ n: 1 })
  const [recorded] = await run(`select slot from plinth_journal.slot`)
  await asJournal(`update plinth_journal.slot set slot = 'nobody'`)
  await expect(settleElsewhere(test_.database).settle(50)).rejects.toMatchObject({
    code: 'tail_not_followed',
  })
  await asJournal(`update plinth_journal.slot set slot = $1`, recorded!.slot)
})

test('a consumer that throws harms nobody', async () => {
  listen(test_.tail, () => {
    throw new Error('on purpose')
  })
  const seen = listen(test_.tail)
  await run(`insert into items values (3)`)
  await test_.tail.synchronise()
  expect(seen[0]!.changes).toHaveLength(1)
})

test('after a lost connection live consumers miss nothing and get nothing twice', async () => {
  const seen = listen(test_.tail)
  for (let id = 100; id < 140; id += 1) {
    await run(`insert into items values ($1)`, id)
    if (id % 10 === 5) {
      await asAdministrator(
        `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`,
        await slotOf(test_.tail),
      )
    }
  }
  await waitFor(() => seen.flatMap(({ changes }) => changes).length >= 40)
  await test_.tail.synchronise()
  const ids = seen.flatMap(({ changes }) => changes.map(({ after }) => Number(after!.id)))
  expect(ids).toEqual(Array.from({ length: 40 }, (_, n) => 100 + n))
})

test('a lost slot is recorded as a gap, told to everybody, and the journal goes on behind it', async () => {
  await run(`insert into items values (401)`)
  await test_.tail.settle()
  const slot = await slotOf(test_.tail)
  const told: MissedCommits[] = []
  stops.push(
    test_.tail.subscribe({ name: 'test', handle: () => undefined, missed: (commits) => told.push(commits) }),
  )
  await waitFor(async () => {
    await asAdministrator(
      `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`,
      slot,
    )
    return asAdministrator(`select pg_drop_replication_slot($1)`, slot).then(
      () => true,
      () => false,
    )
  })
  await waitFor(() => told.length === 1 && test_.tail.holds(), { what: 'a new slot' })
  expect(told[0]).toMatchObject({ reason: 'slot_lost', from: expect.any(String) })
  expect((await test_.tail.health()).missed).toEqual(told[0])
  await run(`insert into items values (402)`)
  const last = (await test_.entries()).at(-1)!
  expect(last.after).toMatchObject({ id: '402' })
  const gaps = await run(`select reason from plinth_journal.gaps order by id`)
  expect(gaps.map(({ reason }) => reason).slice(-1)).toEqual(['slot_lost'])
})

test('positions of another cluster count for nothing', async () => {
  await test_.tail.settle()
  await asJournal(`update plinth_journal.slot set cluster = '1'`)
  await asJournal(`update plinth_journal.positions set position = 'FFFF/0'`)
  await asAdministrator(
    `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`,
    await slotOf(test_.tail),
  )
  await waitFor(
    async () => (await test_.tail.health()).missed?.reason === 'other_cluster' && test_.tail.holds(),
  )
  await run(`insert into items values (501)`)
  expect((await test_.entries()).at(-1)!.after).toMatchObject({ id: '501' })
})

test('a holder whose position was moved by another writes nothing', async () => {
  await run(`insert into items values (601)`)
  await test_.tail.settle()
  const before = (await test_.entries()).length
  // As if another process had stored these: the journal must not store them again.
  await asJournal(
    `update plinth_journal.positions set position = pg_current_wal_insert_lsn() where consumer = 'journal'`,
  )
  await run(`insert into items values (602)`)
  await waitFor(async () => (await test_.entries().catch(() => [])).length > before)
  expect((await test_.entries()).slice(before)).toMatchObject([{ after: { id: '602' } }])
})

test('images that are missing because a table was altered are recorded as a gap', async () => {
  await run(`alter table items replica identity default`)
  await run(`update items set name = 'x' where id = 601`)
  await run(`delete from items where id = 602`)
  const found = (await test_.entries()).slice(-2)
  expect(found).toMatchObject([
    { operation: 'update', before: null, key: '["601"]' },
    { operation: 'delete', before: { id: '602' }, after: null },
  ])
  const gaps = await run(`select reason from plinth_journal.gaps order by id desc limit 1`)
  expect(gaps).toEqual([{ reason: 'images_missing' }])
})
