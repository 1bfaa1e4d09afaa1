import { actorStatement } from '@plinth/platform/database'
import { newKey, silentLog, systemClock } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { type OwnCluster, startOwnCluster } from '@plinth/testing/tail'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTail, type DurableConsumer, type Tail } from '../../tail/index.ts'
import { createJournal, publishTables, verifyJournal } from '../index.ts'

const key = newKey()
const rows = 6_000
let cluster: OwnCluster
const tails: Tail[] = []

beforeAll(async () => {
  cluster = await startOwnCluster('create table items (id int primary key, shop_id text)', {
    max_prepared_transactions: '5',
  })
  const tenant = { table: 'shops', column: 'shop_id' }
  await publishTables(cluster.database, { journalled: ['items'], realtime: [], tenant })
}, 90_000)
afterEach(async () => {
  for (const tail of tails.splice(0)) await tail.stop()
})
afterAll(() => cluster?.stop())

const run = async (text: string, ...values: unknown[]) =>
  (await cluster.database.asOwner<Record<string, unknown>>({ text, values })).rows
const createNode = (change: (journal: DurableConsumer) => DurableConsumer = (journal) => journal): Tail => {
  const { database, folder } = cluster
  const journal = createJournal({ database, key, folder, clock: systemClock, log: silentLog })
  const tail = createTail({ database, log: silentLog, durable: [change(journal)] })
  tails.push(tail)
  tail.start()
  return tail
}
const entries = (tenant: string) =>
  run('select sequence::int, actor from plinth_journal.entries where tenant = $1 order by sequence', tenant)

async function endStream(): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.engine.adminUrl() })
  await client.connect()
  await client.query('select pg_terminate_backend(active_pid) from pg_replication_slots where active')
  await client.end()
}

/** Prepares a transaction that makes a row under an actor, and leaves its session. */
async function prepare(name: string, id: number): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.database.addresses.ownerDirect })
  await client.connect()
  await client.query('begin')
  const actor = { user: 'ada', role: 'authenticated', requestId: null, via: null, reason: null }
  const { text, values } = actorStatement(cluster.database.actors, actor)
  await client.query(text, [...(values ?? [])])
  await client.query(`insert into items values (${id}, 'prepared')`)
  await client.query(`prepare transaction '${name}'`)
  await client.end()
}

test('a prepared transaction is journalled when it is committed, with its actor, over a restart of the node', async () => {
  const first = createNode()
  await waitFor(() => first.holds(), { timeout: 30_000 })
  await prepare('kept', 1)
  await prepare('given up', 2)
  await first.settle()
  expect(await entries('prepared')).toEqual([])
  await first.stop()
  const second = createNode()
  await waitFor(() => second.holds(), { timeout: 30_000 })
  await run(`insert into items values (3, 'in between')`)
  await second.settle()
  expect(await entries('in between')).toHaveLength(1)
  await run(`commit prepared 'kept'`)
  await run(`rollback prepared 'given up'`)
  await second.settle()
  expect(await entries('prepared')).toMatchObject([{ sequence: 1, actor: { user: 'ada' } }])
}, 60_000)

test('a node that is gone in the middle of a large transaction leaves nothing of it; its successor stores all of it once', async () => {
  const { promise: halted, resolve: halt } = Promise.withResolvers<void>()
  const frozen = new Promise<never>(() => undefined)
  const first = createNode((journal) => ({
    ...journal,
    // Stores the first slice, then does nothing any more, as a process that was stopped.
    handle: (batch) =>
      journal.handle({
        get position() {
          return batch.position
        },
        async *[Symbol.asyncIterator]() {
          let count = 0
          for await (const chunks of batch) {
            yield chunks
            count += 1
            if (count < 2) continue
            halt()
            await frozen
          }
        },
      }),
  }))
  await waitFor(() => first.holds(), { timeout: 30_000 })
  await run(`insert into items select n, 'large' from generate_series(1000, ${999 + rows}) n`)
  await halted
  expect(await entries('large')).toEqual([])
  const second = createNode()
  await waitFor(async () => (await second.health()).state === 'standby', { timeout: 30_000 })
  // As if its machine were gone. The second ends the session in which the first has stored a part.
  tails.splice(tails.indexOf(first), 1)
  await endStream()
  await waitFor(() => second.holds(), { timeout: 30_000, what: 'the takeover' })
  await second.settle(30_000)
  const found = await entries('large')
  expect(found.map(({ sequence }) => sequence)).toEqual(Array.from({ length: rows }, (_, n) => n + 1))
  const { database, folder } = cluster
  expect(await verifyJournal({ database, folder, key })).toMatchObject({ sound: true, problems: [] })
}, 60_000)
