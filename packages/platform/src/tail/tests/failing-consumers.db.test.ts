import { waitFor } from '@plinth/testing'
import { useStops, useTail } from '@plinth/testing/tail'
import { expect, test } from 'vitest'
import type { DurableConsumer, MissedCommits } from '../consumers/consumer.ts'
import type { TailOptions } from '../create-tail.ts'
import { comparePositions } from '../position.ts'
import { settleElsewhere } from '../settle-elsewhere.ts'
import type { Tail } from '../tail.ts'

const test_ = useTail(
  `create table items (id int primary key); create table others (id int primary key);`,
  { journalled: ['items'] },
  { running: false },
)
const { run, asJournal, asAdministrator } = test_
const { stops } = useStops()

/** A consumer that keeps what it got in memory, and does what the test says instead of storing. */
function createConsumer(name: string, instead: () => Promise<void> | undefined = () => undefined) {
  const ids: number[] = []
  const told: MissedCommits[] = []
  let stored: string | null = null
  const consumer: DurableConsumer = {
    name,
    position: async () => stored,
    handle: async (batch) => {
      await instead()
      for await (const chunks of batch)
        ids.push(...chunks.flatMap(({ changes }) => changes.map(({ after }) => Number(after!['id']))))
      stored = batch.position
    },
    missed: async (commits) => {
      // Each test has a slot of its own, which is another one than that of the test before.
      if (commits.reason === 'set_aside') told.push(commits)
      stored = commits.until
    },
  }
  return { consumer, ids, told }
}

async function startTail(options: Partial<TailOptions>): Promise<Tail> {
  const tail = test_.createTail({
    gatherMilliseconds: 0,
    retryPauses: { first: 50, most: 200 },
    ...options,
  })
  stops.push(() => tail.stop())
  tail.start()
  await waitFor(() => tail.holds(), { what: 'the stream' })
  return tail
}

const confirmed = async (slot: string) => {
  const [row] = await asAdministrator<{ at: string }>(
    `select confirmed_flush_lsn::text as at from pg_replication_slots where slot_name = $1`,
    slot,
  )
  return row!.at
}
const standingOf = async (tail: Tail, name: string) =>
  (await tail.health()).consumers.find((consumer) => consumer.name === name)!

test('a consumer that cannot store falls behind; the others go on, and it loses nothing', async () => {
  let isBroken = true
  const broken = createConsumer('broken', () =>
    isBroken ? Promise.reject(new Error('disk full')) : undefined,
  )
  const well = createConsumer('well')
  const slot = 'behind_slot'
  const tail = await startTail({ slot, durable: [broken.consumer, well.consumer] })
  const before = await confirmed(slot)
  await run(`insert into items values (1)`)
  await run(`insert into items values (2)`)
  await waitFor(() => well.ids.length === 2)
  await waitFor(async () => (await standingOf(tail, 'broken')).state === 'behind')
  expect(await standingOf(tail, 'broken')).toEqual({ name: 'broken', state: 'behind', problem: 'disk full' })
  // PostgreSQL keeps everything for it; who waits for the others, here or in another process, does not wait for it.
  expect(comparePositions(await confirmed(slot), before)).toBe(0)
  await tail.settle()
  await settleElsewhere(test_.database).settle()
  expect(broken.ids).toEqual([])
  isBroken = false
  await waitFor(() => broken.ids.length === 2)
  await waitFor(async () => (await standingOf(tail, 'broken')).state === 'following')
  await run(`insert into items values (3)`)
  const reached = await tail.settle()
  await waitFor(async () => comparePositions(await confirmed(slot), reached) >= 0)
  expect(broken.ids).toEqual([1, 2, 3])
  expect(well.ids).toEqual([1, 2, 3])
  expect(broken.told).toEqual([])
})

test('one that does nothing any more counts as one that fails, and is not asked again before it is done', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let calls = 0
  const stuck = createConsumer('stuck', () => {
    calls += 1
    return calls === 1 ? released : undefined
  })
  const well = createConsumer('well')
  const tail = await startTail({
    slot: 'stuck_slot',
    durable: [stuck.consumer, well.consumer],
    stallMilliseconds: 300,
  })
  await run(`insert into items values (11)`)
  await waitFor(async () => (await standingOf(tail, 'stuck')).state === 'behind')
  await run(`insert into items values (12)`)
  await waitFor(() => well.ids.length === 2)
  expect((await standingOf(tail, 'stuck')).problem).toContain('300 ms')
  expect(calls).toBe(1)
  release()
  await waitFor(() => stuck.ids.includes(12))
  expect(stuck.ids.filter((id) => id === 12)).toEqual([12])
})

test('what is kept for it is bounded: then it is set aside, and told what it has missed when it comes back', async () => {
  let isBroken = true
  const broken = createConsumer('broken', () => (isBroken ? Promise.reject(new Error('no')) : undefined))
  const slot = 'aside_slot'
  const options = { slot, durable: [broken.consumer], mostKeptBytes: 1 }
  const first = await startTail(options)
  await run(`insert into items values (21)`)
  await waitFor(async () => (await standingOf(first, 'broken')).state === 'set_aside')
  const before = await confirmed(slot)
  await run(`insert into items values (22)`)
  await first.synchronise()
  await waitFor(async () => comparePositions(await confirmed(slot), before) > 0)
  await first.stop()

  // Another process knows it as well, and goes on without it.
  const second = await startTail(options)
  isBroken = false
  await waitFor(() => broken.told.length > 0)
  await waitFor(async () => (await standingOf(second, 'broken')).state === 'following')
  await run(`insert into items values (23)`)
  await second.settle()
  expect(broken.ids).toEqual([23])
  expect(await run('select from plinth_journal.set_aside')).toEqual([])
})

test('a journal that was set aside records a gap', async () => {
  const journal = test_.createJournal()
  let isBroken = true
  let isDown = false
  const consumer: DurableConsumer = {
    ...journal,
    position: () => (isDown ? Promise.reject(new Error('no')) : journal.position()),
    handle: (batch) => {
      if (!isBroken) return journal.handle(batch)
      isDown = true
      return Promise.reject(new Error('no'))
    },
  }
  const tail = await startTail({ slot: 'journal_aside_slot', durable: [consumer], mostKeptBytes: 1 })
  await run(`insert into items values (31)`)
  await waitFor(async () => (await standingOf(tail, 'journal')).state === 'set_aside')
  await expect(tail.settle(300)).rejects.toMatchObject({ code: 'tail_timeout' })
  isBroken = false
  isDown = false
  await waitFor(async () => (await standingOf(tail, 'journal')).state === 'following')
  await run(`insert into items values (32)`)
  await tail.settle()
  expect(await run(`select key from plinth_journal.entries order by sequence desc limit 1`)).toEqual([
    { key: '["32"]' },
  ])
  expect((await tail.health()).gap).toMatchObject({ reason: 'set_aside' })
  expect(await asJournal(`select reason from plinth_journal.gaps where reason = 'set_aside'`)).toHaveLength(1)
})
