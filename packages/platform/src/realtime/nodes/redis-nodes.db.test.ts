import { actor, service, useTestDatabase, waitFor } from '@plinth/testing'
import { findRedis, startRedis, type TestRedis } from '@plinth/testing/programs'
import { listenTo, makeKeys, type ServedRealtime, serveRealtime, subscribed } from '@plinth/testing/realtime'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../kernel/index.ts'
import { readTailMigrations } from '../../tail/index.ts'
import { readRealtimeMigrations } from '../index.ts'
import type { Presence } from '../presence/presence-state.ts'
import { createRedisNodes } from './redis-nodes.ts'

const test = useTestDatabase({
  migrations: [readTailMigrations(), readRealtimeMigrations()],
  seed: 'create table public.things (id int primary key, body text);',
})
const ada = actor('ada')
const hasRedis = findRedis() !== undefined
let redis: TestRedis | undefined
let redisUrl: string
const nodes: ServedRealtime[] = []

beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  redisUrl = redis.url
  const probe = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => 50 })
  probe.on('error', () => undefined)
  await probe.ping()
  probe.disconnect()
  const keys = await makeKeys('sample')
  for (let node = 0; node < 2; node += 1)
    nodes.push(await serveRealtime({ database: test.database, tables: ['things'], redisUrl, keys }))
})

afterAll(async () => {
  for (const node of nodes) await node.stop()
  await redis?.stop()
})

const run = (text: string) => test.database.asCaller(service, { text })

describe.skipIf(!hasRedis)('two nodes', () => {
  it('share broadcasts, also bytes and those from rest', async () => {
    const [a, b] = [await nodes[0]!.client(), await nodes[1]!.client()]
    const heard: unknown[] = []
    const sender = a.channel('shared', { config: { broadcast: { ack: true } } })
    const receiver = b.channel('shared')
    receiver.on('broadcast', { event: '*' }, ({ event }) => heard.push(event))
    expect([await subscribed(sender), await subscribed(receiver)]).toEqual(['SUBSCRIBED', 'SUBSCRIBED'])
    await sender.send({ type: 'broadcast', event: 'text', payload: { x: 1 } })
    await sender.send({ type: 'broadcast', event: 'bytes', payload: Uint8Array.of(1).buffer })
    await a.channel('shared').httpSend('rest', {})
    await waitFor(() => heard.length === 3)
    expect(heard).toEqual(['text', 'bytes', 'rest'])
  })

  it('pass over what is no message of a node', async () => {
    const stranger = new Redis(redisUrl)
    for (const text of [
      '',
      '{',
      'null',
      '7',
      '{"node":"x","kind":"presence"}',
      '{"node":"x","kind":"state","rooms":3}',
    ])
      await stranger.publish('plinth:sample:realtime', text)
    await stranger.publish('plinth:sample:realtime', '{"node":"x","kind":"bye"}')
    stranger.disconnect()
    const [a, b] = [await nodes[0]!.client(), await nodes[1]!.client()]
    const heard: unknown[] = []
    const sender = a.channel('after noise', { config: { broadcast: { ack: true } } })
    const receiver = b
      .channel('after noise')
      .on('broadcast', { event: '*' }, ({ event }) => heard.push(event))
    expect([await subscribed(sender), await subscribed(receiver)]).toEqual(['SUBSCRIBED', 'SUBSCRIBED'])
    await sender.send({ type: 'broadcast', event: 'text', payload: {} })
    await waitFor(() => heard.length === 1)
  })

  it('share presence, and forget who leaves', async () => {
    const [a, b] = [await nodes[0]!.client(), await nodes[1]!.client()]
    const here = a.channel('hall', { config: { presence: { key: 'a' } } })
    here.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(here)
    await here.track({ n: 1 })
    const there = b.channel('hall', { config: { presence: { key: 'b' } } })
    there.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(there)
    await there.track({ n: 2 })
    await waitFor(() => here.presenceState().b && there.presenceState().a)
    await b.realtime.disconnect()
    await waitFor(() => here.presenceState().b === undefined)
    expect(Object.keys(here.presenceState())).toEqual(['a'])
  })

  it('both get changes, though one holds the stream; also after it has moved', async () => {
    const [first, second] = [
      await listenTo(await nodes[0]!.client(ada.userId), { table: 'things' }),
      await listenTo(await nodes[1]!.client(ada.userId), { table: 'things' }),
    ]
    expect([first.status, second.status]).toEqual(['SUBSCRIBED', 'SUBSCRIBED'])
    await run(`insert into things values (1, 'one')`)
    await waitFor(() => first.changes.length === 1 && second.changes.length === 1)
    const holder = nodes.find(({ tail }) => tail.holds())!
    const other = nodes.find((node) => node !== holder)!
    await holder.tail.stop()
    await waitFor(() => other.tail.holds())
    const late = await listenTo(await other.client(ada.userId), { table: 'things' })
    expect(late.status).toBe('SUBSCRIBED')
    await run(`insert into things values (2, 'two')`)
    await waitFor(() => late.changes.length === 1)
    // What was relayed before is not proven to join what comes now, so the others are told to start over, and do.
    const kept = holder === nodes[0] ? first : second
    let id = 2
    const idsOf = ({ changes }: typeof kept) => changes.map((change) => (change.new as { id: number }).id)
    await waitFor(async () => {
      id += 1
      await run(`insert into things values (${id})`)
      return idsOf(kept).includes(id - 1)
    })
    expect(idsOf(kept)).toEqual([...new Set(idsOf(kept))])
  })
})

describe.skipIf(!hasRedis)('a node that dies', () => {
  it('is forgotten with its presence after its heartbeat is missed, and is welcome again', async () => {
    const gone: string[] = []
    const told = new Map<string, readonly Presence[]>()
    const heartbeat = { every: 50, deadAfter: 300 }
    const make = (node: string) =>
      createRedisNodes({ url: redisUrl, project: 'dying', node, log: silentLog, heartbeat }).link
    const [alive, dying] = [make('alive'), make('dying')]
    const quiet = { broadcast: () => undefined, presence: () => undefined }
    const present: ReadonlyMap<string, readonly Presence[]> = new Map([
      ['public:x', [{ ref: 'r', key: 'k', meta: {} }]],
    ])
    await alive.start({
      ...quiet,
      presenceOf: (node, rooms) => told.set(node, [...rooms.values()].flat()),
      nodeGone: (node) => gone.push(node),
      ownPresence: () => new Map(),
    })
    await dying.start({
      ...quiet,
      presenceOf: () => undefined,
      nodeGone: () => undefined,
      ownPresence: () => present,
    })
    await waitFor(() => told.get('dying')?.length === 1)
    const admin = new Redis(redisUrl)
    const clients = (await admin.client('LIST')) as string
    const ids = clients
      .split('\n')
      .filter((line) => line.includes('plinth-dying-speaking'))
      .map((line) => /id=(\d+)/.exec(line)![1]!)
    await admin.client('PAUSE', 600, 'WRITE').catch(() => undefined)
    for (const id of ids) await admin.client('KILL', 'ID', id)
    admin.disconnect()
    await waitFor(() => gone.includes('dying'))
    told.delete('dying')
    await waitFor(() => told.get('dying')?.length === 1)
    await dying.stop()
    await alive.stop()
  })
})
