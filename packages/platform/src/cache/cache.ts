import { hash } from 'node:crypto'
import type { ProjectDatabase } from '../database/index.ts'
import { type Clock, type Log, messageOf } from '../kernel/index.ts'
import { everything } from './follow-changes.ts'
import type { MemoryStore } from './memory-store.ts'
import { invalidate, longestComputing, readAnswer, writeAnswer } from './stored-answers.ts'

/** What an answer was computed from: a table, or one tenant's rows in it. */
export type Dependency = string | { readonly table: string; readonly tenant: string }

export interface CacheOptions {
  /** Default an hour. */
  readonly ttlSeconds?: number
  /** Also in the database: it survives a restart, and other nodes find it. Default false. */
  readonly persistent?: boolean
  /** Others never push it out of memory. Default false. */
  readonly pinned?: boolean
}

export interface RememberOptions extends CacheOptions {
  /**
   * Changes of these make the answer invalid. They have to be all that it was computed from, and the key has to name
   * everything else: whose it is, of which page. Default nothing: only time ends it.
   */
  readonly dependsOn?: readonly Dependency[]
  /** For so long after its time an old answer is given, while one caller computes it anew. Default 0. */
  readonly staleSeconds?: number
}

/** Answers that are computed once and given many times, on every node. Values are JSON. */
export interface Cache {
  /** The answer that is kept, or the one that `compute` gives, once however many ask. */
  remember<T>(key: string, options: RememberOptions, compute: () => Promise<T>): Promise<T>
  /** Null when there is none. */
  get<T>(key: string): Promise<T | null>
  set(key: string, value: unknown, options?: CacheOptions): Promise<void>
  /** On all nodes. */
  remove(key: string): Promise<void>
  /** Everything in the memory of all nodes; with `persistent` (default true) also what is stored. */
  clear(options?: { readonly persistent?: boolean }): Promise<void>
  /** Ends every answer that depends on one of these, on all nodes: for what the stream does not tell. */
  invalidate(dependencies: readonly Dependency[]): Promise<void>
}

export interface CacheParts {
  readonly database: ProjectDatabase
  readonly memory: MemoryStore
  readonly clock: Clock
  readonly log: Log
  /** Names this node. */
  readonly node: string
  /** The tag of a dependency. Fails with `cache_table_not_followed`. */
  tagOf(dependency: Dependency): string
  /** True while this node would hear of changes: only then is given what depends on them. */
  isFollowed(): boolean
}

/** The engine, and what signals of other nodes do to it. */
export interface CacheEngine extends Cache {
  /** What depends on these tags is not given any more, nor kept when it is being computed. */
  forget(tags: readonly string[]): void
  /** Signals may have been missed: nothing in memory is given any more. */
  clearMemory(): void
}

interface Flight {
  readonly text: Promise<string>
  readonly tags: ReadonlySet<string>
}

const defaultTtl = 3_600
/** Signals the memory of all nodes to be emptied, stored answers left. */
const memoryTag = '~memory'

const keyTag = (key: string): string => `=${key}`

/** Long keys fit neither into an index nor into a signal. */
const shorten = (key: string): string =>
  key.length <= 200 ? key : `${key.slice(0, 100)}…${hash('sha256', key)}`

export function createCache(parts: CacheParts): CacheEngine {
  const { database, memory, clock, log, node, isFollowed } = parts
  const flights = new Map<string, Flight>()
  const now = () => clock.now().getTime()

  /** One computation at a time for a key; who comes after a change does not join one that began before it. */
  function fly(key: string, tags: readonly string[], work: (isCurrent: () => boolean) => Promise<string>) {
    const under = flights.get(key)
    if (under) return under.text
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const flight: Flight = { text: promise, tags: new Set(tags) }
    flights.set(key, flight)
    const isCurrent = () => flights.get(key) === flight
    work(isCurrent)
      .finally(() => {
        if (isCurrent()) flights.delete(key)
      })
      .then(resolve, reject)
    return promise
  }

  async function remember<T>(key: string, options: RememberOptions, compute: () => Promise<T>): Promise<T> {
    const dependent = (options.dependsOn ?? []).map(parts.tagOf)
    const tags = [...dependent, keyTag(key)]
    const mayKeep = () => dependent.length === 0 || isFollowed()
    const terms = { key, tags, options, mayKeep }
    const found = mayKeep() ? memory.get(key) : undefined
    if (found && found.freshUntil > now()) return JSON.parse(found.text) as T
    if (found && found.staleUntil > now()) {
      refresh(terms, compute)
      return JSON.parse(found.text) as T
    }
    const text = await fly(key, tags, (isCurrent) => fill(terms, compute, isCurrent))
    return JSON.parse(text) as T
  }

  interface Terms {
    readonly key: string
    readonly tags: readonly string[]
    readonly options: RememberOptions
    mayKeep(): boolean
  }

  function refresh(terms: Terms, compute: () => Promise<unknown>): void {
    if (flights.has(terms.key)) return
    fly(terms.key, terms.tags, (isCurrent) => computeNow(terms, compute, isCurrent, undefined)).catch(
      (error: unknown) =>
        log.warn({ key: terms.key, problem: messageOf(error) }, 'an old answer could not be computed anew'),
    )
  }

  async function fill(
    terms: Terms,
    compute: () => Promise<unknown>,
    isCurrent: () => boolean,
  ): Promise<string> {
    const { key, tags, options, mayKeep } = terms
    if (!options.persistent || !mayKeep()) return computeNow(terms, compute, isCurrent, undefined)
    const stored = await readAnswer(database, key)
    if (stored.text === null || stored.staleUntil <= now())
      return computeNow(terms, compute, isCurrent, stored.change)
    const { text, freshUntil, staleUntil } = stored
    if (isCurrent() && mayKeep())
      memory.set(key, { text, tags, freshUntil, staleUntil, isPinned: options.pinned ?? false })
    // It is in memory now; the next caller finds it old there and has it computed anew.
    return text
  }

  async function computeNow(
    terms: Terms,
    compute: () => Promise<unknown>,
    isCurrent: () => boolean,
    change: string | undefined,
  ): Promise<string> {
    const { key, tags, options, mayKeep } = terms
    const began = performance.now()
    const isStored = options.persistent === true && mayKeep()
    const known = isStored ? (change ?? (await readAnswer(database, key)).change) : undefined
    const text = JSON.stringify((await compute()) ?? null)
    const { ttlSeconds = defaultTtl, staleSeconds = 0, pinned = false } = options
    const freshUntil = now() + ttlSeconds * 1000
    const staleUntil = freshUntil + staleSeconds * 1000
    if (!isCurrent() || !mayKeep()) return text
    memory.set(key, { text, tags, freshUntil, staleUntil, isPinned: pinned })
    if (known !== undefined && performance.now() - began < longestComputing) {
      const answer = { text, tags, freshUntil, staleUntil, change: known }
      await writeAnswer(database, key, answer).catch((error: unknown) =>
        log.warn({ key, problem: messageOf(error) }, 'an answer could not be stored'),
      )
    }
    return text
  }

  function forget(tags: readonly string[]): void {
    if (tags.includes(everything) || tags.includes(memoryTag)) clearMemory()
    for (const tag of tags) memory.deleteTagged(tag)
    for (const [key, flight] of flights) if (tags.some((tag) => flight.tags.has(tag))) flights.delete(key)
  }

  function clearMemory(): void {
    memory.clear()
    flights.clear()
  }

  const tell = async (tags: readonly string[]): Promise<void> => {
    await invalidate(database, tags, node)
    forget(tags)
  }

  async function look(key: string): Promise<string | null> {
    const found = memory.get(key)
    const mayGive = (isDependent: boolean, freshUntil: number) =>
      freshUntil > now() && (!isDependent || isFollowed())
    if (found && mayGive(found.tags.length > 1, found.freshUntil)) return found.text
    const stored = await readAnswer(database, key)
    return mayGive(stored.isDependent, stored.freshUntil) ? stored.text : null
  }

  const rememberAs: Cache['remember'] = (key, options, compute) => remember(shorten(key), options, compute)

  return {
    remember: rememberAs,
    forget,
    clearMemory,
    get: async <T>(key: string) => {
      const text = await look(shorten(key))
      return text === null ? null : (JSON.parse(text) as T)
    },
    set: async (key, value, options = {}) => {
      await tell([keyTag(shorten(key))])
      await rememberAs(key, options, async () => value)
    },
    remove: (key) => tell([keyTag(shorten(key))]),
    clear: ({ persistent = true } = {}) => tell([persistent ? everything : memoryTag]),
    invalidate: (dependencies) => tell(dependencies.map(parts.tagOf)),
  }
}
