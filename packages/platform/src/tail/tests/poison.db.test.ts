import { connect, createServer, type Server, type Socket } from 'node:net'
import { addressAs } from '@plinth/platform/database'
import { silentLog } from '@plinth/platform/kernel'
import { waitFor } from '@plinth/testing'
import { useStops, useTail } from '@plinth/testing/tail'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MissedCommits } from '../consumers/consumer.ts'
import { createTail } from '../create-tail.ts'

const test_ = useTail(
  `create table items (id int primary key, name text);`,
  { journalled: ['items'] },
  { running: false },
)
const { run, asJournal } = test_
const { stops, listen } = useStops()

/**
 * Stands between PostgreSQL and the tail, and ends the stream with an error when a word comes by: as PostgreSQL does at a
 * row whose images take more than a gigabyte.
 */
interface Interference {
  word: string | null
  /** How often it still interferes. */
  times: number
  met: number
  readonly server: Server
}

let interference: Interference

beforeAll(async () => {
  const { hostname, port } = new URL(test_.database.addresses.replication)
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    const close = (socket: Socket) => () => socket.destroy()
    client.on('close', close(upstream)).on('error', close(upstream))
    upstream.on('close', close(client)).on('error', close(client))
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      const { word } = interference
      const at = word === null ? -1 : bytes.indexOf(word)
      if (at < 0 || interference.met >= interference.times) return void client.write(bytes)
      interference.met += 1
      // What came before the message with the word, then an error in its place.
      client.write(bytes.subarray(0, frameBefore(bytes, at)))
      client.end(errorResponse('54000', 'string buffer exceeds maximum allowed length'))
      upstream.destroy()
    })
  })
  interference = { word: null, times: Number.POSITIVE_INFINITY, met: 0, server }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => interference.server.close())

/** Start of the CopyData message that has the byte at `at`, when the network has not cut it. */
function frameBefore(bytes: Buffer, at: number): number {
  let offset = 0
  for (;;) {
    const end = offset + 1 + bytes.readInt32BE(offset + 1)
    if (end > at) return offset
    offset = end
  }
}

function errorResponse(code: string, message: string): Buffer {
  const body = Buffer.from(`SERROR\0C${code}\0M${message}\0\0`)
  const header = Buffer.alloc(5)
  header[0] = 0x45
  header.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([header, body])
}

function startTail(slot: string) {
  const { addresses } = test_.database
  const { port } = interference.server.address() as { port: number }
  const replication = new URL(addressAs(addresses.replication, {}))
  replication.hostname = '127.0.0.1'
  replication.port = String(port)
  const tail = createTail({
    database: { ...test_.database, addresses: { ...addresses, replication: replication.href } },
    log: silentLog,
    slot,
    gatherMilliseconds: 0,
    durable: [test_.createJournal()],
  })
  stops.push(() => tail.stop())
  tail.start()
  return tail
}

const keys = async () =>
  (await run(`select key from plinth_journal.entries order by sequence`)).map(({ key }) => key)

test('a transaction that PostgreSQL cannot send is recorded as a gap, and what comes before and after it is kept', async () => {
  const tail = startTail('poison_slot')
  const told: MissedCommits[] = []
  stops.push(
    tail.subscribe({ name: 'test', handle: () => undefined, missed: (commits) => told.push(commits) }),
  )
  await waitFor(() => tail.holds())
  const seen = listen(tail)
  interference.word = 'poison'
  await run(`insert into items values (1, 'before')`)
  await run(`insert into items values (2, 'first row'), (3, 'poison')`)
  await run(`insert into items values (4, 'after')`)
  await waitFor(() => told.some(({ reason }) => reason === 'unreadable'), { timeout: 50_000 })
  await tail.settle()
  expect(await keys()).toEqual(['["1"]', '["4"]'])
  expect(interference.met).toBeLessThan(8)
  const [gap] = await asJournal(
    `select from_position = until_position as one, reason from plinth_journal.gaps order by id desc limit 1`,
  )
  expect(gap).toEqual({ one: true, reason: 'unreadable' })
  expect(seen.flatMap(({ changes }) => changes.map(({ after }) => after!['name']))).toContain('after')
  expect((await tail.health()).gap).toMatchObject({ reason: 'unreadable' })
}, 60_000)

test('one that comes through after all is not left out', async () => {
  const tail = startTail('passing_poison_slot')
  await waitFor(() => tail.holds())
  Object.assign(interference, { word: 'cloudy', met: 0, times: 3 })
  await run(`insert into items values (11, 'cloudy')`)
  await waitFor(async () => (await keys()).includes('["11"]'), { timeout: 50_000 })
  expect((await tail.health()).missed?.reason).not.toBe('unreadable')
}, 60_000)
