import { setTimeout as delay } from 'node:timers/promises'
import { createPlinthClient } from '@plinth/client'
import { REALTIME_SUBSCRIBE_STATES, type RealtimeChannel, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must, signUp } from './clients.ts'
import { startFlakyProxy } from './flaky-proxy.ts'
import { createDataDir, type Plinth, startPlinth } from './start-plinth.ts'

let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let owner: SupabaseClient
let account: Awaited<ReturnType<typeof signUp>>
let shopId: string
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir })
  account = await signUp(plinth.systems.shops!, 'live')
  owner = account.client
  shopId = must(
    await owner.from('shops').insert({ name: 'Live', owner_id: account.userId }).select('id').single(),
  ).id
})
afterAll(async () => {
  await owner.removeAllChannels()
  await plinth.stop()
  await data.remove()
})

/** Other tests may keep the machine busy. */
const patient = { timeout: 15_000 }

/** Resolves when the channel says that it is subscribed. */
const subscribed = (channel: RealtimeChannel): Promise<void> =>
  new Promise((resolve, reject) => {
    channel.subscribe((status, error) => {
      if (status === REALTIME_SUBSCRIBE_STATES.SUBSCRIBED) resolve()
      else reject(error ?? new Error(status))
    })
  })

const addItem = (name: string, stock = 5) =>
  owner.from('items').insert({ shop_id: shopId, name, stock }).select('id').single()

describe('channels', () => {
  it('carry a broadcast to the others, and back when asked for', async () => {
    const listener = connect(plinth.systems.shops!)
    const heard: string[] = []
    const hears = listener
      .channel('square')
      .on('broadcast', { event: 'say' }, ({ payload }) => heard.push(payload.text))
    await subscribed(hears)
    const speaks = owner.channel('square', { config: { broadcast: { self: true, ack: true } } })
    const echoed: string[] = []
    speaks.on('broadcast', { event: 'say' }, ({ payload }) => echoed.push(payload.text))
    await subscribed(speaks)
    expect(await speaks.send({ type: 'broadcast', event: 'say', payload: { text: 'good morning' } })).toBe(
      'ok',
    )
    await expect.poll(() => [heard, echoed], patient).toEqual([['good morning'], ['good morning']])
    await Promise.all([listener.removeAllChannels(), owner.removeAllChannels()])
  })

  it('know who is there', async () => {
    const other = connect(plinth.systems.shops!)
    const watching = owner.channel('room', { config: { presence: { key: 'owner' } } })
    watching.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(watching)
    await watching.track({ mood: 'calm' })
    const visiting = other.channel('room', { config: { presence: { key: 'guest' } } })
    visiting.on('presence', { event: 'sync' }, () => undefined)
    await subscribed(visiting)
    await visiting.track({ mood: 'curious' })
    await expect.poll(() => Object.keys(watching.presenceState()).sort(), patient).toEqual(['guest', 'owner'])
    await other.removeAllChannels()
    await expect.poll(() => Object.keys(watching.presenceState()), patient).toEqual(['owner'])
    await owner.removeAllChannels()
  })

  it('show what is committed after they are subscribed, and only to whom policies let', async () => {
    const stranger = (await signUp(plinth.systems.shops!, 'onlooker')).client
    const seen: string[] = []
    const spied: unknown[] = []
    const changes = { event: '*', schema: 'public', table: 'items', filter: `shop_id=eq.${shopId}` } as const
    await subscribed(
      owner
        .channel('mine')
        .on('postgres_changes', changes, ({ eventType, new: row }) =>
          seen.push(`${eventType} ${(row as { name?: string }).name}`),
        ),
    )
    await subscribed(
      stranger.channel('theirs').on('postgres_changes', changes, (change) => spied.push(change)),
    )
    const { id } = must(await addItem('Lamp'))
    must(await owner.from('items').update({ name: 'Desk lamp' }).eq('id', id).select('id'))
    await expect.poll(() => seen, patient).toEqual(['INSERT Lamp', 'UPDATE Desk lamp'])
    expect(spied).toEqual([])
    await Promise.all([stranger.removeAllChannels(), owner.removeAllChannels()])
  })

  it('refuse a private topic without a policy, and a table that is not published', async () => {
    await expect(subscribed(owner.channel('secret', { config: { private: true } }))).rejects.toThrow()
    const hidden = { event: '*', schema: 'public', table: 'backup_logs' } as const
    const refusals: { readonly status: string; readonly message: string }[] = []
    const channel = owner
      .channel('hidden')
      .on('postgres_changes', hidden, () => undefined)
      .on('system', {}, (message) => refusals.push(message))
    await subscribed(channel)
    await expect.poll(() => refusals.map(({ status }) => status)).toContain('error')
    expect(refusals.map(({ message }) => message).join()).toContain('backup_logs')
    await owner.removeAllChannels()
  })
})

/** A minute with PLINTH_TEST_LONG, a quarter of one without. */
const seconds = process.env.PLINTH_TEST_LONG ? 60 : 15

it(`AT-32: a copy equals the table after ${seconds} s of writers and a network that fails`, async () => {
  const proxy = await startFlakyProxy(plinth.systems.shops!.api_url)
  const client = createPlinthClient(proxy.url, plinth.systems.shops!.anon_key)
  must(await client.auth.signInWithPassword(account))
  const copy = client.watch({ table: 'items', filter: `shop_id=eq.${shopId}` })
  await copy.ready
  const until = performance.now() + seconds * 1000
  await Promise.all([writeUntil(until, 1), writeUntil(until, 2), cutUntil(until, proxy.cut)])
  const table = must(
    await connectAsService(plinth.systems.shops!).from('items').select('*').eq('shop_id', shopId),
  )
  const newest = new Map(table.map((row) => [row.id, row]))
  await expect
    .poll(() => new Map([...copy.rows.values()].map((row) => [row.id, row])), { timeout: 20_000 })
    .toEqual(newest)
  await copy.close()
  await client.removeAllChannels()
  await proxy.close()
})

/** Inserts, changes and deletes, seeded, one after the other. */
async function writeUntil(until: number, seed: number): Promise<void> {
  const random = createRandom(seed)
  const own: string[] = []
  while (performance.now() < until) {
    const dice = random()
    const id = own[Math.floor(random() * own.length)]
    if (!id || dice < 0.4) own.push(must(await addItem(`item ${dice}`)).id)
    else if (dice < 0.8)
      must(
        await owner
          .from('items')
          .update({ name: `renamed ${dice}` })
          .eq('id', id)
          .select('id'),
      )
    else {
      must(await owner.from('items').delete().eq('id', id).select('id'))
      own.splice(own.indexOf(id), 1)
    }
  }
}

async function cutUntil(until: number, cut: () => number): Promise<void> {
  const random = createRandom(3)
  while (performance.now() < until) {
    await delay(200 + random() * 2_500)
    cut()
  }
}

/** Mulberry32: the same numbers for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
