import { randomBytes } from 'node:crypto'
import { newKey, silentLog, systemClock } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { type OwnCluster, startOwnCluster } from '@plinth/testing/tail'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { previewRewind } from '../../rewind/index.ts'
import { createTail, type DurableConsumer, type MissedCommits, type Tail } from '../../tail/index.ts'
import { createJournal } from '../create-journal.ts'
import { publishTables } from '../index.ts'
import { verifyJournal } from '../verify-journal.ts'

const key = newKey()
let cluster: OwnCluster
const told: MissedCommits[] = []

beforeAll(async () => {
  cluster = await startOwnCluster(
    'create table items (id int primary key, shop_id text); create table bulk (body bytea)',
    {
      max_slot_wal_keep_size: '1MB',
      min_wal_size: '32MB',
      max_wal_size: '32MB',
    },
  )
  const tenant = { table: 'shops', column: 'shop_id' }
  await publishTables(cluster.database, { journalled: ['items'], realtime: [], tenant })
}, 90_000)
afterAll(() => cluster?.stop())

const run = async (text: string, ...values: unknown[]) =>
  (await cluster.database.asOwner<Record<string, unknown>>({ text, values })).rows
const slotStatus = async () => (await run('select wal_status from pg_replication_slots'))[0]?.wal_status

async function asAdministrator(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.engine.adminUrl() })
  await client.connect()
  await client.query(text).finally(() => client.end())
}

async function startTail(others: readonly DurableConsumer[] = []): Promise<Tail> {
  const { database, folder } = cluster
  const journal = createJournal({ database, key, folder, clock: systemClock, log: silentLog })
  const tail = createTail({ database, log: silentLog, durable: [journal, ...others] })
  tail.subscribe({ name: 'test', handle: () => undefined, missed: (commits) => told.push(commits) })
  tail.start()
  await waitFor(() => tail.holds(), { timeout: 30_000, what: 'the stream' })
  await tail.settle()
  return tail
}

/** Other tables of the cluster write until PostgreSQL gives the slot up. */
async function outgrow(): Promise<void> {
  await waitFor(
    async () => {
      await run('insert into bulk values ($1)', randomBytes(8_000_000))
      await asAdministrator('checkpoint')
      return (await slotStatus()) === 'lost'
    },
    { timeout: 60_000, what: 'the slot to be lost' },
  )
}

test('a slot that outgrew its bound while nobody read is a gap; the journal goes on behind it, over restarts too', async () => {
  const first = await startTail()
  await run(`insert into items values (1, 'a')`)
  await first.settle()
  const before = new Date()
  await first.stop()

  await run(`insert into items values (2, 'a')`)
  await outgrow()
  const second = await startTail()
  expect(told.map(({ reason }) => reason)).toEqual(['beginning', 'slot_lost'])
  expect(await second.health()).toMatchObject({
    state: 'following',
    missed: { reason: 'slot_lost', from: expect.any(String) },
  })
  await run(`insert into items values (3, 'a')`)
  await second.settle()
  const after = new Date()
  await second.stop()

  const third = await startTail()
  await run(`insert into items values (4, 'a')`)
  await third.settle()
  expect((await third.health()).missed).toBeNull()
  expect(
    await run(
      `select sequence::int as sequence, after ->> 'id' as id from plinth_journal.entries order by 1`,
    ),
  ).toEqual([
    { sequence: 1, id: '1' },
    { sequence: 2, id: '3' },
    { sequence: 3, id: '4' },
  ])
  expect(await verifyJournal({ ...cluster, key })).toMatchObject({ sound: true, problems: [] })
  const rewinding = {
    database: cluster.database,
    tail: third,
    key,
    clock: systemClock,
    tenants: null,
    tenant: 'a',
  }
  await expect(previewRewind({ ...rewinding, to: before })).rejects.toMatchObject({
    code: 'rewind_crosses_gap',
  })
  expect(await previewRewind({ ...rewinding, to: after })).toMatchObject({ sequence: 2, undone: 1 })
  await third.stop()
}, 120_000)

test('a slot that is lost under a tail that follows and cannot store is made anew, and the tail goes on', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const stuck: DurableConsumer = { name: 'stuck', position: async () => null, handle: () => released }
  const tail = await startTail([stuck])
  const count = told.length
  await run(`insert into items values (10, 'a')`)
  await outgrow()
  release()
  await waitFor(() => told.length > count && tail.holds(), { timeout: 30_000, what: 'a new slot' })
  expect(told.at(-1)).toMatchObject({ reason: 'slot_lost' })
  await run(`insert into items values (11, 'a')`)
  await tail.settle()
  const [last] = await run(
    `select after ->> 'id' as id from plinth_journal.entries order by sequence desc limit 1`,
  )
  expect(last).toEqual({ id: '11' })
  await tail.stop()
}, 120_000)
