import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryStore } from '../store/memory-store.ts'
import { type CacheOptions, type CacheService, createCache } from './cache-service.ts'

let now = 0
const open: CacheService[] = []
afterEach(() => {
  for (const cache of open.splice(0)) cache.close()
  now = 0
})
const create = (options: CacheOptions = {}) => {
  const cache = createCache({ now: () => now, ...options })
  open.push(cache)
  return cache
}

describe('CacheService', () => {
  it('K-3: keeps a value for its time, by default an hour', async () => {
    const cache = create()
    await cache.set('a', { n: 1 })
    await cache.set('b', 2, { ttl: 10 })
    now = 10_000
    expect([await cache.get('a'), await cache.get('b'), await cache.get('c')]).toEqual([{ n: 1 }, null, null])
    now = 3_600_000
    expect(await cache.get('a')).toBeNull()
  })

  it('K-3: gives each caller a copy, and keeps what it was given', async () => {
    const cache = create()
    const value = { list: [1] }
    await cache.set('a', value)
    value.list.push(2)
    const read = await cache.get<typeof value>('a')
    read!.list.push(3)
    expect(await cache.get('a')).toEqual({ list: [1] })
  })

  it('K-3: a persistent value is there after a restart, until its time ends or it is removed', async () => {
    const store = createMemoryStore()
    const before = create({ store })
    await before.set('kept', 1, { persistent: true, ttl: 100 })
    await before.set('gone', 1)
    await before.set('removed', 1, { persistent: true })
    await before.remove('removed')
    const after = create({ store })
    expect([await after.get('kept'), await after.get('gone'), await after.get('removed')]).toEqual([
      1,
      null,
      null,
    ])
    now = 100_000
    expect(await create({ store }).get('kept')).toBeNull()
    expect(await store.list('cache/')).toEqual([])
  })

  it('K-3: a value that is set anew without being persistent does not come back in its old form', async () => {
    const store = createMemoryStore()
    const cache = create({ store })
    await cache.set('a', 'old', { persistent: true })
    await cache.set('a', 'new')
    expect(await create({ store }).get('a')).toBeNull()
  })

  it('K-3: clear() empties memory and store, clear({ persistent: false }) memory alone', async () => {
    const store = createMemoryStore()
    const cache = create({ store })
    await cache.set('a', 1, { persistent: true })
    await cache.clear({ persistent: false })
    expect(await cache.get('a')).toBe(1)
    await cache.clear()
    expect(await cache.get('a')).toBeNull()
  })

  it('K-3: stays within its bytes; what was not used for the longest goes, what is pinned stays', async () => {
    const cache = create({ maxBytes: 1_000 })
    await cache.set('pinned', 'x'.repeat(100), { pinned: true })
    for (const key of ['a', 'b', 'c']) await cache.set(key, 'x'.repeat(100))
    await cache.get('a')
    await cache.set('d', 'x'.repeat(100))
    expect(cache.usage.bytes).toBeLessThanOrEqual(1_000)
    expect(await cache.get('b')).toBeNull()
    expect(await cache.get('a')).not.toBeNull()
    expect(await cache.get('pinned')).not.toBeNull()
    await cache.set('huge', 'x'.repeat(2_000))
    expect(await cache.get('huge')).toBeNull()
    expect(await cache.get('a')).not.toBeNull()
  })

  it('K-3: reads once for all who ask at the same time, and again after a failure', async () => {
    const cache = create()
    let reads = 0
    const read = () => {
      reads += 1
      return reads === 1 ? Promise.reject(new Error('cut')) : Promise.resolve({ n: reads })
    }
    await expect(cache.remember('a', read)).rejects.toThrow('cut')
    expect(await Promise.all([1, 2, 3].map(() => cache.remember('a', read)))).toEqual([
      { n: 2 },
      { n: 2 },
      { n: 2 },
    ])
    expect(reads).toBe(2)
  })

  it('K-3: the named values: a profile is pinned and kept, statistics last five minutes', async () => {
    const store = createMemoryStore()
    const cache = create({ store })
    await cache.cacheUserProfile({ name: 'Ada' })
    await cache.cacheServices([{ title: 'Cut' }])
    await cache.cacheDashboardStats({ bookings: 3 })
    const after = create({ store })
    expect(await after.get('user_profile')).toEqual({ name: 'Ada' })
    expect(await after.get('services')).toEqual([{ title: 'Cut' }])
    now = 300_000
    expect(await cache.get('dashboard_stats')).toBeNull()
  })
})
