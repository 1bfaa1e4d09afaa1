import { createFakeClock, stableId, waitFor } from '@plinth/testing'
import { type OpenTestSystem, openTestSystem } from '@plinth/testing/system'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../database/index.ts'
import { silentLog } from '../kernel/index.ts'
import { createSignals, type Signals } from '../signals/index.ts'
import { defineSystem } from '../system/index.ts'
import { type CacheNode, createCacheNode } from './create-cache-node.ts'
import { cache, cacheOffer, type RememberOptions } from './index.ts'

const [shop, other] = [stableId('shop'), stableId('other shop')]
const schema = `
  create table public.shops (id uuid primary key, name text not null);
  create table public.items (id int primary key, shop_id uuid not null references public.shops, stock int not null default 0);
  create table public.plain (id int primary key);
  alter table public.shops enable row level security;
  alter table public.items enable row level security;
  alter table public.plain enable row level security;
  insert into public.shops values ('${shop}', 'A'), ('${other}', 'B');
  insert into public.items select n, case when n % 2 = 0 then '${shop}'::uuid else '${other}'::uuid end from generate_series(1, 6) n;`
const sample = defineSystem({
  name: 'answers',
  summary: 'Answers that are kept.',
  tenant: { table: 'shops', column: 'shop_id' },
  uses: [cache()],
  migrations: async () => ({
    name: 'answers',
    migrations: [{ name: '001_answers.sql', sql: schema, checksum: schema }],
  }),
  functions: [],
  jobs: [],
  realtimeTables: [],
  journalledTables: ['shops', 'items'],
})

describe('the cache', () => {
  let system: OpenTestSystem
  let signals: Signals
  /** Another node: it hears of changes from the one that holds the stream. */
  let node: CacheNode
  const clock = createFakeClock()
  const own = () => system.project.offer(cacheOffer)
  const sumOf = async (tenant: string) => {
    const { rows } = await system.database.asOwner<{ n: number }>(
      sql`select sum(stock)::int as n from public.items where shop_id = ${tenant}`,
    )
    return rows[0]!.n
  }
  const add = (tenant: string, by = 1) =>
    system.database.asOwner(sql`update public.items set stock = stock + ${by} where shop_id = ${tenant}`)
  const dependsOn = (tenant: string): RememberOptions => ({ dependsOn: [{ table: 'items', tenant }] })

  beforeAll(async () => {
    system = await openTestSystem(sample, { stream: true })
    signals = createSignals({ url: system.addresses.ownerDirect, system: 'answers', log: silentLog })
    node = createCacheNode({
      database: system.database,
      system: sample,
      signals,
      clock,
      log: silentLog,
      memoryBytes: 1_000_000,
      tables: [],
    })
    await signals.start()
    await waitFor(() => system.project.tail.holds(), { timeout: 30_000, what: 'the stream' })
    await waitFor(() => node.isFollowed())
  })
  afterAll(async () => {
    await signals.stop()
    await system.close()
  })

  it('computes once for a thousand callers of a cold key, and gives each a value of their own', async () => {
    let computed = 0
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () =>
        own().remember('cold', {}, async () => {
          computed += 1
          return { list: [await sumOf(shop)] }
        }),
      ),
    )
    expect(computed).toBe(1)
    answers[0]!.list.push(7)
    expect((await own().get<{ list: number[] }>('cold'))!.list).toHaveLength(1)
  })

  it('gives what is stored to other nodes and after a restart', async () => {
    await own().remember('stored', { persistent: true, ttlSeconds: 3_600 }, async () => 'computed here')
    const elsewhere = () => node.engine.remember('stored', { persistent: true }, async () => 'computed there')
    expect(await elsewhere()).toBe('computed here')
    node.engine.clearMemory()
    expect(await node.engine.get('stored')).toBe('computed here')
    await own().remove('stored')
    await waitFor(async () => (await elsewhere()) === 'computed there')
  })

  it('sets, gets, removes and clears, in memory and stored (K-3)', async () => {
    await own().set('a', { n: 1 })
    await own().set('b', 'kept', { persistent: true, pinned: true })
    expect([await own().get('a'), await own().get('b'), await own().get('c')]).toEqual([
      { n: 1 },
      'kept',
      null,
    ])
    await own().set('a', null)
    expect(await own().get('a')).toBeNull()
    await own().clear({ persistent: false })
    expect(await own().get('b')).toBe('kept')
    await own().clear()
    expect(await own().get('b')).toBeNull()
    const long = 'k'.repeat(20_000)
    await own().set(long, 1, { persistent: true })
    expect(await own().get(long)).toBe(1)
    expect(await own().get(`${long}x`)).toBeNull()
  })

  it('ends by time; for a while after it the old answer is given while one caller computes', async () => {
    let computed = 0
    const ask = () => own().remember('timed', { ttlSeconds: 60, staleSeconds: 60 }, async () => ++computed)
    expect(await ask()).toBe(1)
    system.clock.advance(61_000)
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1])
    await waitFor(async () => (await ask()) === 2)
    system.clock.advance(121_000)
    expect(await ask()).toBe(3)
    expect(computed).toBe(3)
    await own().set('old', 1, { persistent: true, ttlSeconds: 1 })
    system.clock.advance(400 * 86_400_000)
    await system.jobs.run('prune-cache')
    expect((await system.database.asOwner(sql`select from plinth.cache where key = 'old'`)).rowCount).toBe(0)
    system.clock.advance(-400 * 86_400_000)
  })

  it('ends on every node when what it depends on changes, and for the other tenant it stays', async () => {
    const nodes = [own(), node.engine]
    const counts = new Map<string, number>()
    const ask = (tenant: string) =>
      Promise.all(
        nodes.map((each, at) =>
          each.remember(`sum ${tenant}`, { ...dependsOn(tenant), persistent: at === 1 }, () => {
            counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
            return sumOf(tenant)
          }),
        ),
      )
    const before = await sumOf(shop)
    expect(await ask(shop)).toEqual([before, before])
    await ask(other)
    const kept = counts.get(other)
    await add(shop)
    await waitFor(async () => (await ask(shop)).every((sum) => sum === before + 3))
    await ask(other)
    expect(counts.get(other)).toBe(kept)
  })

  it('does not keep an answer whose computing began before a change, nor give it to who asks after', async () => {
    const read = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const early = own().remember('slow', dependsOn(shop), async () => {
      const sum = await sumOf(shop)
      read.resolve()
      await gate.promise
      return sum
    })
    await read.promise
    const before = await sumOf(shop)
    await add(shop)
    await system.project.tail.settle()
    const late = await own().remember('slow', dependsOn(shop), () => sumOf(shop))
    gate.resolve()
    expect([await early, late]).toEqual([before, before + 3])
    expect(await own().get('slow')).toBe(before + 3)
  })

  it('is never older than a change that every node was told of, in any order of both', async () => {
    const step = fc.record({
      tenant: fc.constantFrom(shop, other),
      do: fc.constantFrom('write', 'read here', 'read there', 'read both', 'forget'),
    })
    const engines = { 'read here': [own()], 'read there': [node.engine], 'read both': [own(), node.engine] }
    const read = (tenant: string, which: keyof typeof engines) =>
      Promise.all(
        engines[which].map((each, at) =>
          each.remember(`model ${tenant}`, { ...dependsOn(tenant), persistent: at === 0 }, () =>
            sumOf(tenant),
          ),
        ),
      )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const reading: Promise<unknown>[] = []
        for (const each of steps) {
          if (each.do === 'write') await add(each.tenant)
          else if (each.do === 'forget') node.engine.clearMemory()
          else reading.push(read(each.tenant, each.do))
        }
        await Promise.all(reading)
        await system.project.tail.settle()
        for (const tenant of [shop, other]) {
          const sum = await sumOf(tenant)
          await waitFor(async () => (await read(tenant, 'read both')).every((found) => found === sum), {
            timeout: 2_000,
          })
          expect(await read(tenant, 'read both')).toEqual([sum, sum])
        }
      }),
      { seed: 3, numRuns: process.env.PLINTH_TEST_LONG ? 300 : 15 },
    )
  })

  it('refuses to depend on a table whose changes nobody tells', async () => {
    await expect(own().remember('x', { dependsOn: ['plain'] }, async () => 1)).rejects.toMatchObject({
      code: 'cache_table_not_followed',
    })
  })

  it('gives nothing that depends on changes while nobody follows them, and the rest as before', async () => {
    await system.project.tail.stop()
    await waitFor(() => !node.isFollowed())
    let computed = 0
    const ask = (options: RememberOptions) =>
      node.engine.remember(JSON.stringify(options), options, async () => ++computed)
    expect([await ask(dependsOn(shop)), await ask(dependsOn(shop))]).toEqual([1, 2])
    expect([await ask({}), await ask({})]).toEqual([3, 3])
    await system.database.asOwner(sql`select pg_notify('plinth_cache', 'no JSON')`)
    await system.database.asOwner(sql`select pg_notify('plinth_cache', '')`)
    await own().set('told after nonsense', 1)
    expect(signals.isLive()).toBe(true)
  })
})
