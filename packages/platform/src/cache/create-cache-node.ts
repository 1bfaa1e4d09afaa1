import type { ProjectDatabase } from '../database/index.ts'
import { type Clock, type Log, newId } from '../kernel/index.ts'
import type { Signals } from '../signals/index.ts'
import type { SystemFacts } from '../system/index.ts'
import { type CacheEngine, createCache, type Dependency } from './cache.ts'
import { cacheErrors } from './errors.ts'
import { aliveSignal, type ChangeFollower, followChanges, lostSignal, tagOf } from './follow-changes.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'

export interface CacheNodeOptions {
  readonly database: ProjectDatabase
  readonly system: Pick<SystemFacts, 'tenant' | 'journalledTables' | 'realtimeTables'>
  readonly signals: Signals
  readonly clock: Clock
  readonly log: Log
  readonly memoryBytes: number
  /** Tables that answers may depend on, beside those that the stream carries anyway. */
  readonly tables: readonly string[]
  /** Milliseconds between two signs of the node that holds the stream. Default 1,000. */
  readonly pulse?: number
}

/** The cache of one node. */
export interface CacheNode {
  readonly engine: CacheEngine
  readonly memory: MemoryStore
  readonly follower: ChangeFollower
  /** True while the stream is followed, here or elsewhere, and this node hears of it. */
  isFollowed(): boolean
}

/** So many signs may be missing until nothing that depends on changes is given. */
const missingPulses = 3

export function createCacheNode(options: CacheNodeOptions): CacheNode {
  const { database, system, signals, clock, log, memoryBytes, tables, pulse = 1_000 } = options
  const followed = new Set([...system.journalledTables, ...system.realtimeTables, ...tables])
  const memory = createMemoryStore(memoryBytes)
  const node = newId()
  let heardAt = Number.NEGATIVE_INFINITY
  const isFollowed = () => signals.isLive() && performance.now() - heardAt < missingPulses * pulse
  const engine = createCache({ database, memory, clock, log, node, tagOf: tagOfDependency, isFollowed })
  const forget = (tags: readonly string[]) => engine.forget(tags)
  const follower = followChanges({ database, log, tenantColumn, forget, node, pulse })
  signals.subscribe('plinth_cache', { heard, missed: lose })
  return { engine, memory, follower, isFollowed }

  function heard(payload: string): void {
    if (payload === aliveSignal) gain()
    else if (payload === lostSignal) lose()
    else forgetTold(payload)
  }

  /** `<node> <tags as JSON>`: this node has forgotten what it told itself. */
  function forgetTold(payload: string): void {
    const space = payload.indexOf(' ')
    if (payload.slice(0, space) !== node) engine.forget(JSON.parse(payload.slice(space)) as string[])
  }

  /** After a silence, what was kept before it may be older than changes that nobody told. */
  function gain(): void {
    if (!isFollowed()) engine.clearMemory()
    heardAt = performance.now()
  }

  function lose(): void {
    heardAt = Number.NEGATIVE_INFINITY
    engine.clearMemory()
  }

  function tagOfDependency(dependency: Dependency): string {
    const { table, tenant } =
      typeof dependency === 'string' ? { table: dependency, tenant: undefined } : dependency
    if (!followed.has(table)) throw cacheErrors.cache_table_not_followed({ table })
    return tagOf(table, tenant)
  }

  function tenantColumn(table: string): string | undefined {
    const { tenant } = system
    return tenant?.table === table ? (tenant.key ?? 'id') : tenant?.column
  }
}
