import { createRandom, type Random } from '@plinth/testing/random'
import { describe, expect, it } from 'vitest'
import { createLocks } from '../../store/locks.ts'
import { createMemoryStore } from '../../store/memory-store.ts'
import type { Store } from '../../store/store.ts'
import { type Offline, openOffline } from '../open-offline.ts'
import type { QueuedWrite, Row } from '../queued-write.ts'
import type { Tabs } from '../tabs.ts'
import { createSimulatedNetwork, createSimulatedServer, type SimulatedNetwork } from './simulated-server.ts'

const runs = process.env.PLINTH_TEST_LONG ? 3_000 : 150
const stepsOfRun = 60
const user = 'ada'
const table = 'items'

/** A store that a crashed client reaches no more. */
function mortal(store: Store): { readonly store: Store; kill(): void } {
  let isDead = false
  const unlessDead = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) await new Promise<never>(() => undefined)
    const result = await work()
    if (isDead) await new Promise<never>(() => undefined)
    return result
  }
  return {
    store: {
      get: (key) => unlessDead(() => store.get(key)),
      list: (prefix) => unlessDead(() => store.list(prefix)),
      write: (change) => unlessDead(() => store.write(change)),
      close: () => Promise.resolve(),
    },
    kill: () => {
      isDead = true
    },
  }
}

interface Client {
  readonly offline: Offline
  readonly network: SimulatedNetwork
  /** As a browser that is killed. */
  crash(): void
}

/** One device: its store outlives its clients, and its tabs share locks and messages. */
function createDevice(server: ReturnType<typeof createSimulatedServer>, random: Random) {
  const disk = createMemoryStore()
  const locks = createLocks()
  const hearers = new Map<object, Parameters<Tabs['listen']>[0]>()
  let ids = 0
  const newId = () => {
    ids += 1
    return `id-${ids}`
  }

  async function open(shared: boolean): Promise<Client> {
    const { store, kill } = mortal(disk)
    const network = createSimulatedNetwork(server, random)
    const self = {}
    const offline = await openOffline({} as never, {
      name: 'model',
      tables: { [table]: { version: 'version' } },
      retry: false,
      store,
      // A crash frees the locks of a tab; here each client that crashes has its own.
      locks: shared ? locks : createLocks(),
      transport: network.transport,
      identity: {
        user: () => Promise.resolve(user),
        token: () => Promise.resolve(network.isUp ? 'token' : null),
        onChange: () => () => undefined,
        signOut: () => Promise.resolve(),
      },
      tabs: {
        post: (message) => {
          for (const [other, hear] of hearers) if (other !== self) queueMicrotask(() => hear(message))
        },
        listen: (hear) => {
          if (shared) hearers.set(self, hear)
          return () => hearers.delete(self)
        },
        close: () => undefined,
      },
      newId,
    })
    return {
      offline,
      network,
      crash: () => {
        kill()
        network.kill()
      },
    }
  }
  return { open }
}

/** Every version of a row that a client shows is as new as the one before; a row with unsent writes shows what they build on. */
function watchTime(offline: Offline, problems: string[]): void {
  const shown = new Map<string, number>()
  const look = (row: Row, key: string) => {
    if (offline.writes.some((write) => write.key === key)) return
    const version = Number(row.version ?? 0)
    const before = shown.get(key) ?? 0
    if (version < before) problems.push(`${key} went from version ${before} back to ${version}`)
    shown.set(key, Math.max(before, version))
  }
  offline.watch(table, (event) => {
    if (event.type === 'snapshot') for (const row of event.rows) look(row, String(row.id))
    else for (const { row, key, type } of event.changes) if (type !== 'remove') look(row, key)
  })
}

const settle = async () => {
  for (let turns = 0; turns < 50; turns += 1) await Promise.resolve()
}

/** Decides about everything that waits for its user; remembers what was given up. */
async function decide({ offline }: Client, random: Random, givenUp: Set<string>): Promise<void> {
  for (const conflict of offline.conflicts) {
    expect(conflict.theirs).not.toEqual(conflict.base)
    const resolution = (['mine', 'theirs', { values: { n: 1_000 + random(1_000) } }] as const)[random(3)]!
    // What was asked for before is asked for anew under another id.
    for (const { id } of conflict.writes) givenUp.add(id)
    await offline.resolve(conflict, resolution)
  }
  for (const { id, key } of offline.writes.filter(({ state }) => state === 'refused')) {
    for (const write of offline.writes) if (write.key === key) givenUp.add(write.id)
    await offline.discard(id)
  }
}

async function actAsUser({ offline }: Client, random: Random): Promise<void> {
  const keys = [...offline.rows(table).keys()]
  const key = keys[random(Math.max(1, keys.length))]
  const action = random(5)
  if (action === 0 || key === undefined) await offline.insert(table, { n: random(100) })
  else if (action === 1) await offline.remove(table, key)
  else await offline.update(table, key, { n: random(100) })
}

async function play(seed: number, tabs: 1 | 2): Promise<void> {
  const random = createRandom(seed)
  const server = createSimulatedServer()
  const device = createDevice(server, random)
  const problems: string[] = []
  const asked = new Map<string, QueuedWrite>()
  const givenUp = new Set<string>()
  const openOne = async () => {
    const client = await device.open(tabs === 2)
    watchTime(client.offline, problems)
    return client
  }
  for (let id = 0; id < 3; id += 1) server.write(`seed-${id}`, { n: id })
  const clients = await Promise.all(Array.from({ length: tabs }, openOne))

  for (let step = 0; step < stepsOfRun; step += 1) {
    const at = random(clients.length)
    const client = clients[at]!
    const action = random(12)
    if (action < 4) {
      // Not waited for: the next thing may happen before it is on the device.
      void actAsUser(client, random).catch(() => undefined)
      if (random(2) === 0) await settle()
      for (const write of client.offline.writes) asked.set(write.id, write)
    } else if (action < 6) server.write(`seed-${random(4)}`, random(4) === 0 ? null : { n: random(100) })
    else if (action === 6 && client.offline.writes[0]?.key)
      server.write(client.offline.writes[0].key, { n: 500 })
    else if (action === 7) client.network.isUp = !client.network.isUp
    else if (action === 8 && tabs === 1) {
      client.crash()
      clients[at] = await openOne()
    } else if (action === 9 && random(3) === 0) server.forget()
    else if (action === 10) await decide(client, random, givenUp)
    else client.network.deliver()
    void client.offline.flush()
    for (let turns = random(10); turns > 0; turns -= 1) await Promise.resolve()
  }

  await settle()
  for (const client of clients) client.network.isUp = true
  for (let round = 0; round < 400; round += 1) {
    for (const client of clients) {
      for (const write of client.offline.writes) asked.set(write.id, write)
      await decide(client, random, givenUp)
      client.network.deliverAll()
      await client.offline.flush()
    }
    await settle()
    if (clients.every(({ offline }) => offline.writes.length === 0)) break
  }
  for (let round = 0; round < 20; round += 1) {
    for (const { network, offline } of clients) {
      network.deliverAll()
      await offline.flush()
    }
    await settle()
  }

  const sorted = (rows: Iterable<Row>) => [...rows].sort((a, b) => String(a.id).localeCompare(String(b.id)))
  for (const { offline } of clients) {
    expect(offline.writes, `seed ${seed}: writes that wait`).toEqual([])
    expect(sorted(offline.rows(table).values()), `seed ${seed}: rows`).toEqual(sorted(server.rows.values()))
  }
  expect(problems, `seed ${seed}: time`).toEqual([])
  expect(new Set(server.done).size, `seed ${seed}: each once`).toBe(server.done.length)
  // A row that is gone need not be deleted.
  const isVain = ({ kind, key }: QueuedWrite) => kind === 'delete' && server.gone.has(key!)
  const isOpen = (write: QueuedWrite) => !server.done.includes(write.id) && !givenUp.has(write.id)
  const missing = [...asked.values()].filter((write) => isOpen(write) && !isVain(write))
  expect(missing, `seed ${seed}: writes that nobody decided about`).toEqual([])
}

describe('offline mode under any order of cuts, crashes and writes of others', () => {
  it(`K-9: does every write once and in order, or tells of it; ${runs} seeded runs of one tab`, async () => {
    for (let seed = 1; seed <= runs; seed += 1) await play(seed, 1)
  })

  it(`K-9: two tabs send each write once between them; ${runs} seeded runs`, async () => {
    for (let seed = 1; seed <= runs; seed += 1) await play(10_000 + seed, 2)
  })
})
