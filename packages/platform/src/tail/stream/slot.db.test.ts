import { addressAs } from '@plinth/platform/database'
import { silentLog } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { useStops, useTail } from '@plinth/testing/tail'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { DurableConsumer } from '../consumers/consumer.ts'
import { createTail, type TailOptions } from '../create-tail.ts'
import { comparePositions } from '../position.ts'
import type { Tail } from '../tail.ts'

const test_ = useTail(
  `create table items (id int primary key); create table others (id int primary key);`,
  { journalled: ['items'] },
  { running: false },
)
const { run, asJournal, asAdministrator } = test_
const { stops, listen } = useStops()

/** A tail, following. */
async function startTail(options: Partial<TailOptions> = {}): Promise<Tail> {
  const tail = test_.createTail({ gatherMilliseconds: 0, ...options })
  stops.push(() => tail.stop())
  tail.start()
  await waitFor(() => tail.holds(), { what: 'the stream' })
  return tail
}

test('a second node stands by and takes over when the first stops', async () => {
  const slot = 'takeover_slot'
  const first = await startTail({ slot })
  const second = test_.createTail({ slot, gatherMilliseconds: 0 })
  stops.push(() => second.stop())
  const held: boolean[] = []
  second.subscribe({ name: 'test', handle: () => undefined, holding: (now) => held.push(now) })
  second.start()
  await waitFor(async () => (await second.health()).state === 'standby')
  await expect(second.synchronise()).rejects.toMatchObject({ code: 'tail_not_held' })
  await expect(second.settle()).rejects.toMatchObject({ code: 'tail_not_held' })
  const content = await second.writeMark()
  const marks = listen(first)
  await first.synchronise()
  expect([content, ...marks.map(({ messages }) => messages[0]!.content.toString())].includes(content)).toBe(
    true,
  )
  await first.stop()
  await waitFor(() => second.holds(), { what: 'the takeover' })
  await second.synchronise()
  expect(held).toEqual([false, true])
})

test('what is asked of a tail that is just starting waits for its stream', async () => {
  const tail = test_.createTail({ slot: 'early_slot' })
  await expect(tail.synchronise()).rejects.toMatchObject({ code: 'tail_not_held' })
  stops.push(() => tail.stop())
  tail.start()
  expect(await tail.settle()).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  expect(await tail.health()).toMatchObject({ state: 'following' })
})

test('a durable consumer that fails gets the same transactions again, from its own position on', async () => {
  const handled: string[] = []
  let stored: string | null = null
  let failures = 2
  const consumer: DurableConsumer = {
    name: 'flaky',
    position: async () => stored,
    handle: async (batch) => {
      if (failures-- > 0) throw new Error('on purpose')
      for await (const chunks of batch)
        handled.push(...chunks.flatMap(({ changes }) => changes.map(({ after }) => after!.id!)))
      stored = batch.position
    },
  }
  const tail = await startTail({ slot: 'flaky_slot', durable: [consumer] })
  const seen = listen(tail)
  await run(`insert into items values (201)`)
  await run(`insert into items values (202)`)
  await waitFor(() => handled.length === 2)
  await waitFor(() => tail.holds())
  await run(`insert into items values (203)`)
  await waitFor(() => handled.length === 3)
  expect(handled).toEqual(['201', '202', '203'])
  // Live consumers did not wait for it, and nothing was repeated to them.
  expect(seen.flatMap(({ changes }) => changes.map(({ after }) => after!.id))).toEqual(['201', '202', '203'])
})

test('what a consumer has not stored is not acknowledged; an idle tail does not keep the WAL of its neighbours', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let stored: string | null = null
  const slow: DurableConsumer = {
    name: 'slow',
    position: async () => stored,
    handle: async (batch) => {
      await released
      stored = batch.position
    },
  }
  const tail = await startTail({ slot: 'slow_slot', durable: [slow] })
  const confirmed = async () =>
    (
      await asAdministrator<{ at: string }>(
        `select confirmed_flush_lsn::text as at from pg_replication_slots where slot_name = 'slow_slot'`,
      )
    )[0]!.at
  await run(`insert into items values (301)`)
  const position = await tail.synchronise()
  await expect(tail.settle(300)).rejects.toMatchObject({ code: 'tail_timeout' })
  expect(await tail.health()).toMatchObject({
    state: 'following',
    pending: 1,
    lagMilliseconds: expect.any(Number),
  })
  expect(comparePositions(await confirmed(), position)).toBeLessThan(0)
  release()
  await tail.settle()
  await waitFor(async () => comparePositions(await confirmed(), position) >= 0)

  await run(`insert into others select n from generate_series(1000, 30000) n`)
  const [{ at }] = (await asAdministrator('select pg_current_wal_lsn()::text as at')) as [{ at: string }]
  await waitFor(async () => comparePositions(await confirmed(), at) >= 0, {
    what: 'the acknowledgement of foreign WAL',
  })
  expect(await tail.health()).toMatchObject({
    pending: 0,
    lagMilliseconds: 0,
    walStatus: 'reserved',
    problem: null,
  })
})

test('starting does not wait for the slot, which waits for open transactions; stopping ends the wait', async () => {
  const other = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  await other.connect()
  await other.query('begin; select pg_current_xact_id()')
  const tail = test_.createTail({ slot: 'waiting_slot' })
  tail.start()
  await waitFor(
    async () =>
      (await asAdministrator(`select from pg_replication_slots where slot_name = 'waiting_slot'`)).length ===
      1,
  )
  expect(await tail.health()).toMatchObject({ state: 'starting' })
  await tail.stop()
  await other.query('rollback')
  await other.end()
  await waitFor(
    async () =>
      (await asAdministrator(`select from pg_replication_slots where slot_name = 'waiting_slot'`)).length ===
      0,
  )
})

test('an administrator who may replicate and is no superuser is enough', async () => {
  const [owner] = await run('select current_user as name')
  await asAdministrator('drop role if exists limited_admin')
  await asAdministrator(`create role limited_admin login replication password 'r' in role ${owner!.name}`)
  const { addresses } = test_.database
  const replication = addressAs(addresses.replication, { user: 'limited_admin', password: 'r' })
  const tail = createTail({
    database: { ...test_.database, addresses: { ...addresses, replication } },
    log: silentLog,
    slot: 'limited_slot',
    durable: [test_.createJournal()],
  })
  stops.push(() => tail.stop())
  tail.start()
  await waitFor(() => tail.holds())
  await run(`insert into items values (701)`)
  await tail.settle()
  expect(await run(`select key from plinth_journal.entries order by sequence desc limit 1`)).toEqual([
    { key: '["701"]' },
  ])
  await tail.stop()
  await asAdministrator('drop role limited_admin')
})

test('a lock that no node holds is not taken for another node: health names who holds it (tail_lock_taken)', async () => {
  const other = new pg.Client({ connectionString: test_.database.addresses.ownerDirect })
  await other.connect()
  await other.query('select pg_advisory_lock(7077005)')
  const tail = test_.createTail({ slot: 'locked_slot' })
  stops.push(() => tail.stop())
  tail.start()
  await waitFor(async () => (await tail.health()).state === 'broken')
  expect((await tail.health()).problem).toContain('A session of owner_sample holds the lock')
  await other.end()
  await waitFor(() => tail.holds())
})

test('a holder that was frozen while another one wrote is fenced by the position', async () => {
  const journal = test_.createJournal()
  const problems: unknown[] = []
  const { promise: frozen, resolve: freeze } = Promise.withResolvers<void>()
  const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>()
  const consumer: DurableConsumer = {
    ...journal,
    handle: async (batch) => {
      freeze()
      await thawed
      await journal.handle(batch).catch((problem: unknown) => {
        problems.push(problem)
        throw problem
      })
    },
  }
  const tail = await startTail({ slot: 'fenced_slot', durable: [consumer] })
  await run(`insert into items values (801)`)
  await frozen
  // What a successor does: it stores the same transaction, and the position with it.
  await asJournal(`insert into plinth_journal.positions values ('journal', pg_current_wal_insert_lsn())
    on conflict (consumer) do update set position = excluded.position`)
  thaw()
  await waitFor(() => problems.length > 0)
  expect(problems[0]).toMatchObject({ code: 'tail_overtaken' })
  expect(await run(`select from plinth_journal.entries where key = '["801"]'`)).toEqual([])
  await waitFor(() => tail.holds())
})
