import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Log, messageOf, newId } from '../kernel/index.ts'
import { type ChunkPlace, compareChunks } from './committed-transaction.ts'
import type { DurableConsumer, LiveConsumer, MissedCommits } from './consumers/consumer.ts'
import { defaultSlot } from './default-slot.ts'
import { tailErrors } from './errors.ts'
import { formatPosition } from './position.ts'
import { tailPublication } from './publication/synchronise-publication.ts'
import { type Following, followStream } from './stream/follow-stream.ts'
import { prepareSlot } from './stream/prepare-slot.ts'
import type { StreamedChunk } from './stream/streamed-chunk.ts'
import { markMessagePrefix, type Tail, type TailHealth } from './tail.ts'

export interface TailOptions {
  readonly database: ProjectDatabase
  readonly log: Log
  /** Stored before the stream forgets; the journal among them. */
  readonly durable?: readonly DurableConsumer[]
  /** Default: the database's name with `_tail`. Unique in the cluster. */
  readonly slot?: string
  /** Milliseconds of silence after which PostgreSQL gives the stream to another node. Default 6000. */
  readonly silenceMilliseconds?: number
  /** Least time between two batches of a durable consumer under load, milliseconds. Default 50. */
  readonly gatherMilliseconds?: number
}

/** How long until a stream that ended, or that another node holds, is asked for again, milliseconds. */
const retryMilliseconds = { standby: 500, first: 100, most: 5_000 }
/** So many times somebody else may have the stream before this node is one that stands by. */
const patience = 10
const defaultTimeout = 10_000
const waitMilliseconds = 20
/** How long stopping waits for what was received to be stored; what is not comes again at the next start. */
const drainMilliseconds = 5_000

/** Makes a project's tail; {@link Tail.start} sets it going. */
export function createTail(options: TailOptions): Tail {
  const { database, log, durable = [], silenceMilliseconds = 6_000, gatherMilliseconds = 50 } = options
  const slot = options.slot ?? defaultSlot(database)
  const live = new Set<LiveConsumer>()
  const marks = new Map<string, (position: string) => void>()
  const stopping = new AbortController()
  let state: TailHealth['state'] = 'stopped'
  let problem: string | null = null
  let missed: MissedCommits | null = null
  let following: Following | null = null
  let running: Promise<void> | null = null
  /** The last transaction that live consumers have had whole, and the last chunk that they have had. */
  let position: string | null = null
  let place: ChunkPlace | null = null

  async function run(): Promise<void> {
    let failures = 0
    let turnedAway = 0
    while (!stopping.signal.aborted) {
      try {
        if (state !== 'standby') state = 'starting'
        await hold()
        failures = 0
        turnedAway += 1
        // Right after a lost connection, what still has the slot is what is left of ourselves.
        if (position === null || turnedAway > patience) state = 'standby'
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        turnedAway = 0
        state = 'broken'
        problem = messageOf(error)
        log.warn(
          { system: database.system, problem, failures },
          'the tail lost its stream and takes it again',
        )
      }
      await wait(pauseAfter(failures, state), undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }

  /** Follows until the stream ends, which is always a failure; resolves when somebody else holds it. */
  async function hold(): Promise<void> {
    if (state === 'standby' && (await isHeldElsewhere(database, slot))) return
    const prepared = await prepareSlot({ database, slot, log, durable, signal: stopping.signal })
    if (prepared === 'busy') return
    if (prepared) tellMissed(prepared)
    const stream = await followStream({
      url: database.addresses.replication,
      applicationName: `plinth tail ${database.system}`,
      slot,
      publication: tailPublication,
      silenceMilliseconds,
      gatherMilliseconds,
      actors: database.actors,
      durable,
      onHeld: () => announce(true),
      onChunk: handOver,
    })
    if (stream === 'held') return
    try {
      stopping.signal.throwIfAborted()
      following = stream
      state = 'following'
      problem = null
      await stream.ended
    } finally {
      following = null
      announce(false)
      await stream.close()
    }
  }

  function tellMissed(commits: MissedCommits): void {
    missed = commits
    if (commits.reason !== 'beginning')
      log.error({ system: database.system, ...commits }, 'commits are missing from the tail')
    for (const consumer of live) safely(consumer, () => consumer.missed?.(commits))
  }

  function announce(held: boolean): void {
    for (const consumer of live) safely(consumer, () => consumer.holding?.(held))
  }

  /** A stream that is taken again begins at what was stored: what live consumers have had is left out. */
  function handOver(chunk: StreamedChunk): void {
    const { transaction, index } = chunk
    const at = { commit: transaction.commit, index }
    if (place && compareChunks(at, place) <= 0) return
    place = at
    if (chunk.isLast) position = transaction.position
    for (const consumer of live) safely(consumer, () => consumer.handle(chunk))
    for (const { prefix, content } of chunk.messages) {
      if (prefix === markMessagePrefix) marks.get(content.toString())?.(transaction.position)
    }
  }

  function safely(consumer: LiveConsumer, call: () => void): void {
    try {
      call()
    } catch (error) {
      log.error({ consumer: consumer.name, problem: messageOf(error) }, 'a consumer of the tail failed')
    }
  }

  async function writeMark(content = newId()): Promise<string> {
    await database.asOwner(
      sql`select pg_catalog.pg_logical_emit_message(true, ${markMessagePrefix}, ${content}::text)`,
    )
    return content
  }

  /** A stream that is being taken, or taken again, is waited for; one that another node holds is not. */
  async function requireStream(until: number): Promise<Following> {
    while (!following) {
      const coming = running && (state === 'starting' || state === 'broken') && performance.now() < until
      if (!coming || stopping.signal.aborted) throw tailErrors.tail_not_held({ system: database.system })
      await wait(waitMilliseconds)
    }
    return following
  }

  async function synchronise(timeout = defaultTimeout): Promise<string> {
    const until = performance.now() + timeout
    await requireStream(until)
    const content = newId()
    const { promise, resolve } = Promise.withResolvers<string>()
    marks.set(content, resolve)
    try {
      await writeMark(content)
      return await within(promise, until - performance.now())
    } finally {
      marks.delete(content)
    }
  }

  async function settle(timeout = defaultTimeout): Promise<string> {
    const until = performance.now() + timeout
    const reached = await synchronise(timeout)
    const stream = await requireStream(until)
    await within(stream.drain(), until - performance.now())
    return reached
  }

  async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
    const timer = new AbortController()
    const timeout = wait(Math.max(milliseconds, 1), undefined, { signal: timer.signal }).then(
      () => {
        throw tailErrors.tail_timeout({ system: database.system, milliseconds: Math.round(milliseconds) })
      },
      () => new Promise<never>(() => undefined),
    )
    try {
      return await Promise.race([work, timeout])
    } finally {
      timer.abort()
    }
  }

  return {
    start: () => {
      running ??= run()
    },
    stop: async () => {
      stopping.abort()
      if (following) await within(following.drain(), drainMilliseconds).catch(() => undefined)
      await Promise.all(durable.map((consumer) => consumer.close?.()))
      await following?.close()
      await running
      state = 'stopped'
    },
    subscribe: (consumer) => {
      live.add(consumer)
      safely(consumer, () => consumer.holding?.(following !== null))
      return () => {
        live.delete(consumer)
      }
    },
    holds: () => following !== null,
    position: () => position,
    synchronise,
    settle,
    writeMark: () => writeMark(),
    health: async () => ({
      state,
      slot,
      problem: state === 'broken' ? problem : null,
      missed,
      pending: following?.pending() ?? 0,
      lagMilliseconds: Math.round(following?.lag() ?? 0),
      storedPosition: formatStored(following),
      ...(await readSlot(database, slot)),
    }),
  }
}

function pauseAfter(failures: number, state: TailHealth['state']): number {
  if (failures > 0) return Math.min(retryMilliseconds.first * 2 ** (failures - 1), retryMilliseconds.most)
  return state === 'standby' ? retryMilliseconds.standby : retryMilliseconds.first
}

const formatStored = (following: Following | null) => {
  const stored = following?.stored() ?? null
  return stored === null ? null : formatPosition(stored)
}

async function isHeldElsewhere(database: ProjectDatabase, slot: string): Promise<boolean> {
  const { rowCount } = await database.asJournal(
    sql`select from pg_replication_slots where slot_name = ${slot} and active`,
  )
  return rowCount === 1
}

async function readSlot(database: ProjectDatabase, slot: string) {
  const nothing = { retainedBytes: null, walStatus: null }
  const query = sql`
    select wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text as retained
    from pg_replication_slots where slot_name = ${slot}`
  const found = await database
    .asJournal<{ wal_status: string | null; retained: string | null }>(query)
    .catch(() => null)
  const row = found?.rows[0]
  if (!row) return nothing
  return { retainedBytes: row.retained === null ? null : Number(row.retained), walStatus: row.wal_status }
}
