import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyMigrations,
  newDatabaseSecrets,
  openProjectDatabase,
  type ProjectDatabase,
  provisionProject,
  readPlatformMigrations,
  serviceCaller,
  sql,
  startEmbeddedEngine,
} from '@plinth/platform/database'
import { createLog } from '@plinth/platform/kernel'
import { readRealtimeMigrations } from '@plinth/platform/realtime'
import { readTailMigrations } from '@plinth/platform/tail'
import { type ServedRealtime, serveRealtime } from '@plinth/testing/serve-realtime'
import { type Figure, median } from '../figure.ts'
import { type Clients, startClients } from './client-process.ts'
import { serveBare } from './serve-bare.ts'

const runs = 7
const clientCount = 500
const claimSets = 100
const broadcastsPerRun = 200
const milliseconds = 3_000
/** What Supabase publishes for its smallest instance: changes a second under RLS, and p95 in milliseconds. */
const published = { rate: 30, p95: 228 }
const generous = {
  joinsPerSecond: { connection: 10_000, address: 10_000, project: 10_000 },
  eventsPerSecond: { connection: 1_000_000, user: 1_000_000, address: 1_000_000, project: 1_000_000 },
  framesPerSecond: 1_000_000,
  idleMilliseconds: 600_000,
  unsentBytes: 64 * 1024 * 1024,
}

/** Changes under RLS to 500 clients of 100 users, and broadcasts beside a bare loop over sockets. */
export async function* benchRealtime(): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-bench-realtime-'))
  const engine = await startEmbeddedEngine({ dataDir: join(folder, 'data'), log: createLog('error') })
  const clients = startClients()
  const cluster = { url: engine.adminUrl(), directUrl: engine.adminUrl() }
  const addresses = await provisionProject(cluster, 'benchrealtime', newDatabaseSecrets())
  const sets = await Promise.all([readPlatformMigrations(), readTailMigrations(), readRealtimeMigrations()])
  await applyMigrations(addresses, sets)
  const database = openProjectDatabase({ system: 'benchrealtime', addresses, log: createLog('error') })
  await database.asOwner({ text: await readFile(new URL('./board.sql', import.meta.url), 'utf8') })
  const served = await serveRealtime({
    database,
    tables: ['posts'],
    limits: generous,
    log: createLog('warn'),
  })
  try {
    yield* measureChanges(served, database, clients)
    yield* measureBroadcasts(served, clients)
  } finally {
    clients.end()
    await served.stop()
    await database.close()
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const userId = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
const now = () => performance.timeOrigin + performance.now()
const port = (served: ServedRealtime) => Number(new URL(served.url).port)
const path = (served: ServedRealtime) => `/realtime/v1/websocket?vsn=2.0.0&apikey=${served.keys.anonKey}`

async function* measureChanges(
  served: ServedRealtime,
  database: ProjectDatabase,
  clients: Clients,
): AsyncIterable<Figure> {
  for (let user = 0; user < claimSets; user += 1) {
    await database.asOwner(sql`insert into members values (0, ${userId(user)})`)
  }
  const tokens = await Promise.all(Array.from({ length: claimSets }, (_, user) => served.token(userId(user))))
  const config = {
    presence: { enabled: false },
    postgres_changes: [{ event: '*', schema: 'public', table: 'posts' }],
  }
  const greetings = Array.from({ length: clientCount }, (_, client) =>
    JSON.stringify([
      '1',
      '1',
      'realtime:posts',
      'phx_join',
      { config, access_token: tokens[client % claimSets] },
    ]),
  )
  await served.tail.synchronise()
  await clients.open(port(served), path(served), greetings)
  // The last clients still get their `system` message.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const writer = createWriter(database)
  const all: Audience = { name: 'all see all', viewers: clientCount, owner: () => null, goal: 100 }
  const five: Audience = {
    name: 'each seen by five',
    viewers: 5,
    owner: (n) => userId(n % claimSets),
    goal: 500,
  }
  const rates = new Map<Audience, number[]>([
    [all, []],
    [five, []],
  ])
  const delays = new Map<Audience, number[]>([
    [all, []],
    [five, []],
  ])
  for (let run = 0; run < runs; run += 1) {
    for (const audience of [all, five]) {
      rates.get(audience)!.push(await measureCapacity(writer, clients, audience))
      delays.get(audience)!.push(await measureDelay(writer, clients, audience))
    }
  }
  clients.close()
  for (const audience of [all, five]) {
    const rate = median(rates.get(audience)!)
    const delay = median(delays.get(audience)!)
    yield {
      name: `changes under RLS, 500 clients, ${audience.name}`,
      value: rate,
      unit: 'changes/s',
      ratio: rate / published.rate,
      against: 'Supabase, smallest instance, as published',
      goal: `≥ ${audience.goal} changes/s`,
    }
    yield {
      name: `p95 at ${audience.goal} changes/s, ${audience.name}`,
      value: delay,
      unit: 'ms',
      ratio: published.p95 / delay,
      against: 'Supabase, smallest instance, as published',
      goal: '< 100 ms',
    }
  }
}

interface Audience {
  readonly name: string
  readonly viewers: number
  owner(change: number): string | null
  readonly goal: number
}

type Writer = (owner: string | null) => Promise<void>

/** Each change is a transaction of its own. */
const createWriter = (database: ProjectDatabase): Writer => {
  const service = serviceCaller('bench')
  return async (owner) => {
    await database.asCaller(service, {
      name: 'bench_post',
      text: 'insert into posts (room, owner, title, sent) values ($1, $2, $3, $4)',
      values: [owner === null ? 0 : 1, owner, 'a title of some forty characters, as usual', now()],
    })
  }
}

/** Writes as fast as four writers can for a while; the rate counts until the last frame has arrived. */
async function measureCapacity(write: Writer, clients: Clients, audience: Audience): Promise<number> {
  clients.forget()
  const start = now()
  const until = start + milliseconds
  let written = 0
  const writeOn = async () => {
    while (now() < until) {
      written += 1
      await write(audience.owner(written))
    }
  }
  await Promise.all([1, 2, 3, 4].map(writeOn))
  const { at } = await clients.count(written * audience.viewers)
  return (written / (at - start)) * 1_000
}

/** Writes at the goal's pace, not waiting for the one before. */
async function measureDelay(write: Writer, clients: Clients, audience: Audience): Promise<number> {
  clients.forget()
  const changes = (audience.goal * milliseconds) / 1_000
  const start = now()
  const writes: Promise<void>[] = []
  while (writes.length < changes) {
    const due = Math.min(changes, Math.ceil(((now() - start) / 1_000) * audience.goal))
    while (writes.length < due) writes.push(write(audience.owner(writes.length)))
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await Promise.all(writes)
  const { latencies } = await clients.count(changes * audience.viewers)
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.95)]!
}

async function* measureBroadcasts(served: ServedRealtime, clients: Clients): AsyncIterable<Figure> {
  const body = {
    type: 'broadcast',
    event: 'cursor',
    payload: { x: 120, y: 340, color: 'teal', name: 'somebody' },
  }
  const text = JSON.stringify([null, null, 'realtime:room', 'broadcast', body])
  const bare = await serveBare(
    Buffer.concat([Buffer.of(0x81, 126, text.length >> 8, text.length & 0xff), Buffer.from(text)]),
  )
  const bareClients = startClients()
  const sent = JSON.stringify(['1', '2', 'realtime:room', 'broadcast', body])
  const config = { presence: { enabled: false }, broadcast: { self: true } }
  const join = JSON.stringify(['1', '1', 'realtime:room', 'phx_join', { config }])
  const rates: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }
  try {
    await clients.open(
      port(served),
      path(served),
      Array.from({ length: clientCount }, () => join),
    )
    await bareClients.open(
      bare.port,
      '/',
      Array.from({ length: clientCount }, () => 'hello'),
    )
    for (let run = 0; run < runs; run += 1) {
      rates.ours.push(await measureFanOut(clients, sent))
      rates.bare.push(await measureFanOut(bareClients, sent))
    }
  } finally {
    bareClients.end()
    await bare.stop()
  }
  const [ours, least] = [median(rates.ours), median(rates.bare)]
  const figure = { unit: 'frames/s', against: null, goal: null, ratio: null }
  yield { name: 'broadcast to 500 clients, bare loop', value: least, ...figure }
  yield {
    name: 'broadcast to 500 clients',
    value: ours,
    unit: 'frames/s',
    ratio: ours / least,
    against: 'bare loop of one pre-built frame per socket',
    goal: 'ratio ≥ 0.7',
  }
}

async function measureFanOut(clients: Clients, frame: string): Promise<number> {
  const frames = broadcastsPerRun * clientCount
  await new Promise((resolve) => setTimeout(resolve, 200))
  clients.forget()
  const start = now()
  clients.send(frame, broadcastsPerRun)
  const { at } = await clients.count(frames)
  return (frames / (at - start)) * 1_000
}
