import { setTimeout as wait } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Log, messageOf } from '../kernel/index.ts'
import { type ChunkPlace, compareChunks } from './committed-transaction.ts'
import type { DurableConsumer, LiveConsumer, MissedCommits } from './consumers/consumer.ts'
import { createStandings, type RetryPauses } from './consumers/standings.ts'
import { recordSetAside, recordUnreadable, startConsumers } from './consumers/start-consumers.ts'
import { defaultSlot } from './default-slot.ts'
import { createMarks } from './marks.ts'
import { formatPosition } from './position.ts'
import { tailPublication } from './publication/synchronise-publication.ts'
import { isHalfUsedUp, readSlotHealth } from './read-health.ts'
import { type Following, followStream } from './stream/follow-stream.ts'
import { prepareSlot } from './stream/prepare-slot.ts'
import type { StreamedChunk } from './stream/streamed-chunk.ts'
import { createUnreadableWatch } from './stream/unreadable.ts'
import type { Tail } from './tail.ts'
import { type Attempt, afterAttempt, newStanding, pauseBefore } from './tail-states.ts'

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
  /** A durable consumer that has something to store and does nothing for so long has failed. Default 120,000. */
  readonly stallMilliseconds?: number
  /** When a durable consumer that failed is tried again. Default: after 200 ms, then twice as long, up to a minute. */
  readonly retryPauses?: RetryPauses
  /**
   * Bytes of WAL that PostgreSQL keeps for a consumer that cannot store, before the stream goes on without it. Default
   * 8 GB, and never more than half of what `max_slot_wal_keep_size` allows.
   */
  readonly mostKeptBytes?: number
}

const defaults = {
  silenceMilliseconds: 6_000,
  gatherMilliseconds: 50,
  stallMilliseconds: 120_000,
  retryPauses: { first: 200, most: 60_000 },
  mostKeptBytes: 8 * 1024 ** 3,
}
/** How often it is looked after consumers that do not follow. */
const lookMilliseconds = 100
/** How long stopping waits for what was received to be stored; what is not comes again at the next start. */
const drainMilliseconds = 5_000

/** Makes a project's tail; {@link Tail.start} sets it going. */
export function createTail(options: TailOptions): Tail {
  const { database, log, durable = [] } = options
  const settings = { ...defaults, ...options }
  const slot = options.slot ?? defaultSlot(database)
  const standings = createStandings(durable, log, settings.retryPauses)
  const unreadable = createUnreadableWatch()
  const live = new Set<LiveConsumer>()
  const stopping = new AbortController()
  let standing = newStanding
  let missed: MissedCommits | null = null
  let following: Following | null = null
  let running: Promise<void> | null = null
  /** The last transaction that live consumers have had whole, and the last chunk that they have had. */
  let position: string | null = null
  let place: ChunkPlace | null = null
  /** Where the stream goes on after a transaction that cannot be read; null for where the slot is. */
  let startAt: string | null = null
  let isRecording = false
  const marks = createMarks({
    database,
    stream: () => following,
    isComing: () =>
      running !== null &&
      !stopping.signal.aborted &&
      (standing.state === 'starting' || standing.state === 'broken'),
    isIncomplete: standings.isIncomplete,
  })

  // Holding the stream -------------------------------------------------------------------------------------------

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (standing.state !== 'standby') standing = { ...standing, state: 'starting' }
      const attempt = await hold()
      if (stopping.signal.aborted) return
      standing = afterAttempt(standing, attempt)
      const { problem, failures, state } = standing
      if (state === 'broken')
        log.warn(
          { system: database.system, problem, failures },
          'the tail lost its stream and takes it again',
        )
      await pause(pauseBefore(standing))
    }
  }

  const pause = (milliseconds: number) =>
    wait(milliseconds, undefined, { signal: stopping.signal }).catch(() => undefined)

  /** Holds the stream until it ends. */
  async function hold(): Promise<Attempt> {
    let began = performance.now()
    try {
      const stream = await take()
      if (!stream) return { kind: 'turned away' }
      began = performance.now()
      try {
        stopping.signal.throwIfAborted()
        following = stream
        standing = { ...standing, state: 'following', problem: null, hasHeld: true, turnedAway: 0 }
        await Promise.race([stream.ended, letGo(stream)])
        return { kind: 'let go' }
      } catch (error) {
        await leaveOut(stream, error)
        throw error
      } finally {
        following = null
        standing = { ...standing, state: 'starting' }
        announce(false)
        await stream.close()
      }
    } catch (error) {
      return { kind: 'failed', problem: messageOf(error), heldMilliseconds: performance.now() - began }
    }
  }

  /** Null while somebody else has the stream. */
  async function take(): Promise<Following | null> {
    if (standing.state === 'standby' && (await isHeldElsewhere(database, slot))) return null
    const prepared = await prepareSlot({ database, slot, log, durable, signal: stopping.signal })
    if (prepared === 'busy') return null
    if (prepared) tellMissed(prepared)
    const stream = await followStream({
      ...settings,
      url: database.addresses.replication,
      applicationName: `plinth tail ${database.system}`,
      slot,
      publication: tailPublication,
      startAt,
      actors: database.actors,
      withhold: unreadable.suspect(),
      onWithheldEnd: unreadable.clear,
      consumers: () => startConsumers(database, slot, standings),
      isHeldBack: standings.isHeldBack,
      onSettled: (end) => {
        if (!standings.isIncomplete()) recordSettled(end)
      },
      onHeld: () => announce(true),
      onChunk: handOver,
      onStored: standings.recover,
      onFailure: standings.fail,
    })
    return stream === 'held' ? null : stream
  }

  /**
   * Resolves when the stream should be taken anew because a consumer that could not store is to be tried again. Whoever
   * keeps PostgreSQL from forgetting too much is set aside.
   */
  async function letGo(stream: Following): Promise<void> {
    const ended = new AbortController()
    void stream.ended.then(
      () => ended.abort(),
      () => ended.abort(),
    )
    const signal = AbortSignal.any([ended.signal, stopping.signal])
    while (!signal.aborted) {
      await wait(lookMilliseconds, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) break
      if (standings.isHeldBack()) await setAsideBeyondBound()
      if (standings.isDue()) return stream.finish().catch(() => undefined)
    }
    return new Promise(() => undefined)
  }

  async function setAsideBeyondBound(): Promise<void> {
    const isBeyond = await isHalfUsedUp(database, slot, settings.mostKeptBytes).catch(() => false)
    if (isBeyond) await setAside()
  }

  async function setAside(): Promise<void> {
    const behind = standings.all().filter(({ state }) => state === 'behind')
    if (behind.length === 0) return
    await recordSetAside(
      database,
      behind.map(({ name }) => name),
    )
    for (const consumer of standings.setBehindAside())
      log.error(
        { system: database.system, consumer },
        'the tail goes on without a consumer that cannot store',
      )
  }

  /** A transaction that has ended the stream several times is recorded as a gap, and the stream goes on after it. */
  async function leaveOut(stream: Following, error: unknown): Promise<void> {
    const suspect = unreadable.suspect()
    const during = stream.unfinished()
    if (!unreadable.note(error, during) || suspect === null || during !== suspect) return
    await stream.drain()
    await setAside()
    const found = await recordUnreadable(database, standings.following(), formatPosition(suspect))
    startAt = formatPosition(suspect + 1n)
    unreadable.clear()
    tellMissed(found)
  }

  /** For those who wait in another process: see `settleElsewhere`. */
  function recordSettled(end: bigint): void {
    if (isRecording) return
    isRecording = true
    void database
      .asJournal(sql`update plinth_journal.slot set settled = ${formatPosition(end)}::pg_lsn`)
      .catch(() => undefined)
      .finally(() => {
        isRecording = false
      })
  }

  // Live consumers -----------------------------------------------------------------------------------------------

  function tellMissed(commits: MissedCommits): void {
    missed = commits
    // Positions of another cluster may be greater than those that come.
    if (commits.reason !== 'unreadable') place = null
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
    marks.pass(chunk)
  }

  function safely(consumer: LiveConsumer, call: () => void): void {
    try {
      call()
    } catch (error) {
      log.error({ consumer: consumer.name, problem: messageOf(error) }, 'a consumer of the tail failed')
    }
  }

  return {
    start: () => {
      running ??= run()
    },
    stop: async () => {
      stopping.abort()
      if (following) await marks.within(following.drain(), drainMilliseconds).catch(() => undefined)
      await Promise.all(durable.map((consumer) => consumer.close?.()))
      await following?.close()
      await running
      standing = newStanding
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
    synchronise: marks.synchronise,
    settle: marks.settle,
    writeMark: marks.writeMark,
    health: async () => {
      const stored = following?.stored() ?? null
      return {
        state: standing.state,
        slot,
        storedPosition: stored === null ? null : formatPosition(stored),
        ...(await readSlotHealth(database, slot)),
        lagMilliseconds: Math.round(following?.lag() ?? 0),
        pending: following?.pending() ?? 0,
        problem: standing.problem,
        missed,
        consumers: standings.all(),
      }
    },
  }
}

async function isHeldElsewhere(database: ProjectDatabase, slot: string): Promise<boolean> {
  const { rowCount } = await database.asJournal(
    sql`select from pg_replication_slots where slot_name = ${slot} and active`,
  )
  return rowCount === 1
}
