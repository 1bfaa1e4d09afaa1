import type { Store } from '../store/store.ts'

export interface CacheEntryOptions {
  /** Seconds. Default that of the cache. */
  readonly ttl?: number
  /** Also in the store: there after a restart. Default false. */
  readonly persistent?: boolean
  /** Never pushed out by others. Default false. */
  readonly pinned?: boolean
}

/** Values by key, in memory and, if wanted, across restarts. Values are what JSON can hold; each caller gets a copy. */
export interface CacheService {
  set(key: string, value: unknown, options?: CacheEntryOptions): Promise<void>
  /** Null when there is none, or it has ended. */
  get<T = unknown>(key: string): Promise<T | null>
  /** The value, or what `read` gives, which is kept; who asks meanwhile waits for it. */
  remember<T>(key: string, read: () => Promise<T>, options?: CacheEntryOptions): Promise<T>
  remove(key: string): Promise<void>
  /** Default: the stored ones as well. */
  clear(options?: { readonly persistent?: boolean }): Promise<void>
  cacheUserProfile(profile: object): Promise<void>
  cacheServices(services: readonly object[]): Promise<void>
  cacheDashboardStats(stats: object): Promise<void>
  readonly usage: {
    readonly entries: number
    readonly bytes: number
    readonly hits: number
    readonly misses: number
  }
  /** Ends the clean-up. */
  close(): void
}

export interface CacheOptions {
  /** Where persistent entries are; without one they are in memory only. A store of offline mode empties them at sign-out. */
  readonly store?: Store
  /** Bytes in memory. Default 50 MiB. */
  readonly maxBytes?: number
  /** Seconds. Default 3,600. */
  readonly ttl?: number
  /** Seconds between removals of what has ended. Default 300. */
  readonly cleanUp?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Keys of the named values. */
export const cacheKeys = {
  userProfile: 'user_profile',
  services: 'services',
  dashboardStats: 'dashboard_stats',
} as const

interface Entry {
  readonly text: string
  readonly endsAt: number
  readonly pinned: boolean
}

/** Characters have two bytes in memory. */
const sizeOf = (key: string, { text }: Entry): number => 2 * (key.length + text.length)

export function createCache(options: CacheOptions = {}): CacheService {
  const { store, maxBytes = 50 * 1_048_576, ttl: usual = 3_600, cleanUp = 300, now = Date.now } = options
  /** The one that was not used for the longest first. */
  const entries = new Map<string, Entry>()
  const reading = new Map<string, Promise<unknown>>()
  let bytes = 0
  let hits = 0
  let misses = 0

  const storedKey = (key: string): string => `cache/${key}`
  const hasEnded = ({ endsAt }: Entry): boolean => endsAt <= now()

  function drop(key: string): void {
    const entry = entries.get(key)
    if (!entry) return
    entries.delete(key)
    bytes -= sizeOf(key, entry)
  }

  function keep(key: string, entry: Entry): void {
    drop(key)
    if (!entry.pinned && sizeOf(key, entry) > maxBytes) return
    entries.set(key, entry)
    bytes += sizeOf(key, entry)
    for (const [oldest, { pinned }] of entries) {
      if (bytes <= maxBytes) break
      if (!pinned && oldest !== key) drop(oldest)
    }
  }

  async function find(key: string): Promise<Entry | undefined> {
    const entry = entries.get(key) ?? (await store?.get<Entry>(storedKey(key)))
    if (!entry) return undefined
    if (hasEnded(entry)) {
      await remove(key)
      return undefined
    }
    keep(key, entry)
    return entry
  }

  async function get<T>(key: string): Promise<T | null> {
    const entry = await find(key)
    if (entry) hits += 1
    else misses += 1
    return entry ? (JSON.parse(entry.text) as T) : null
  }

  async function set(
    key: string,
    value: unknown,
    { ttl = usual, persistent = false, pinned = false }: CacheEntryOptions = {},
  ): Promise<void> {
    const entry = { text: JSON.stringify(value ?? null), endsAt: now() + ttl * 1_000, pinned }
    keep(key, entry)
    if (persistent) await store?.write({ set: [[storedKey(key), entry]] })
    else await store?.write({ remove: [storedKey(key)] })
  }

  async function remove(key: string): Promise<void> {
    drop(key)
    await store?.write({ remove: [storedKey(key)] })
  }

  async function removeEnded(): Promise<void> {
    for (const [key, entry] of entries) if (hasEnded(entry)) drop(key)
    const stored = (await store?.list<Entry>('cache/')) ?? []
    const over = stored.filter(([, entry]) => hasEnded(entry)).map(([key]) => key)
    if (over.length > 0) await store?.write({ remove: over })
  }

  const timer = setInterval(() => void removeEnded().catch(() => undefined), cleanUp * 1_000)
  ;(timer as unknown as { unref?: () => void }).unref?.()
  const lasting = { persistent: true, pinned: true }

  return {
    set,
    get,
    remove,
    remember: async <T>(key: string, read: () => Promise<T>, given?: CacheEntryOptions): Promise<T> => {
      const known = await find(key)
      if (known) {
        hits += 1
        return JSON.parse(known.text) as T
      }
      misses += 1
      const running =
        reading.get(key) ??
        read()
          .then(async (value) => {
            await set(key, value, given)
            return value
          })
          .finally(() => reading.delete(key))
      reading.set(key, running)
      return structuredClone((await running) as T)
    },
    clear: async ({ persistent = true } = {}) => {
      entries.clear()
      bytes = 0
      if (persistent) await store?.write({ removePrefixes: ['cache/'] })
    },
    cacheUserProfile: (profile) => set(cacheKeys.userProfile, profile, lasting),
    cacheServices: (services) => set(cacheKeys.services, services, { persistent: true }),
    cacheDashboardStats: (stats) => set(cacheKeys.dashboardStats, stats, { ttl: 300 }),
    get usage() {
      return { entries: entries.size, bytes, hits, misses }
    },
    close: () => clearInterval(timer),
  }
}
