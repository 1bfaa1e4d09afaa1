import { databaseErrors, type ProjectDatabase } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { Batch, DurableConsumer, MissedCommits, StreamedChunk, StreamedRelation } from '../tail/index.ts'
import type { ChainHead } from './encode-entries.ts'
import { type EncodedSlice, encodeSlice, type Knowledge } from './encode-slice.ts'
import {
  dayOf,
  type GapReason,
  isRefusal,
  type JournalDay,
  type JournalSession,
  journalConsumer,
  openJournalSession,
} from './journal-session.ts'
import { type Plan, planTable, readJournalledTables } from './journal-tables.ts'
import { createKnownHeads } from './known-heads.ts'
import { createSliceSealer } from './seal/seal-slice.ts'
import { createSubjectKeys } from './seal/subject-keys.ts'
import { createWitness, type Witness } from './witness/witness.ts'

export interface JournalOptions {
  readonly database: ProjectDatabase
  /** 32 bytes, derived from the master key for this project's journal; seals personal values and the chain heads. */
  readonly key: Buffer
  /** Where the witness is kept, outside the database: `<data folder>/journal/<system>`. */
  readonly folder: string
  /** Default: one of its own in `folder`. */
  readonly witness?: Witness | undefined
  readonly clock: Clock
  readonly log: Log
}

/**
 * The consumer that stores every change of a journalled row exactly once: entries, chain heads and the position of the
 * stream go into the database in one transaction for each batch, which is refused when another process has moved the
 * position. A batch comes in slices: each is encoded, then copied while the next one is being encoded.
 */
export function createJournal(options: JournalOptions): DurableConsumer {
  const { database, clock, log } = options
  const subjects = createSubjectKeys(options.key)
  const heads = createKnownHeads()
  const witness = options.witness ?? createWitness(options)
  let session: JournalSession | null = null
  let plans = new WeakMap<StreamedRelation, Plan>()
  let stored: string | null = null
  let lastDay: JournalDay | null = null
  /** True after PostgreSQL refused something of a batch: then each slice is an attempt, until a batch is stored. */
  let isCautious = false

  async function takeOver(): Promise<string | null> {
    await session?.end()
    session = await openJournalSession(database)
    await witness.takeOver(session)
    await heads.reset(session)
    plans = new WeakMap()
    subjects.clear()
    lastDay = await session.lastDay()
    stored = await session.position()
    return stored
  }

  /** Nothing is written of a batch that has nothing to be journalled. */
  async function handle(batch: Batch): Promise<void> {
    const open = required()
    const writing = createWriting(open, await today(open))
    const store = isCautious ? storeCautiously : storeSlice
    try {
      for await (const chunks of batch)
        await store(writing, chunks as readonly StreamedChunk[], () => batch.position)
      await writing.commit(batch.position)
      isCautious = false
    } catch (error) {
      await writing.abandon()
      isCautious ||= isRefusal(error)
      throw error
    }
  }

  type Store = (writing: Writing, chunks: readonly StreamedChunk[], at: () => string) => Promise<void>

  const storeSlice: Store = async (writing, chunks, at) => {
    const slice = await encode(writing, chunks)
    if (slice.entries > 0 || slice.gap !== null) await writing.add(slice, at())
  }

  /** Finds the rows that PostgreSQL does not take, by halves, and leaves them out: that is a gap. */
  const storeCautiously: Store = async (writing, chunks, at) => {
    const slice = await encode(writing, chunks)
    if (slice.entries === 0 && slice.gap === null) return
    if (await writing.attempt(slice, at())) return
    const halves = halvesOf(chunks)
    if (halves === null) {
      log.error({ system: database.system, position: at() }, 'a change could not be journalled')
      return writing.recordGap(at(), 'unstorable')
    }
    for (const half of halves) await storeCautiously(writing, half, at)
  }

  /** Chains and persons that are met for the first time are looked up, then the slice is encoded again. */
  async function encode(writing: Writing, chunks: readonly StreamedChunk[]): Promise<EncodedSlice> {
    await planTables(chunks)
    let sealer = createSliceSealer(subjects)
    const knowledge: Knowledge = {
      plan: (relation) => plans.get(relation)!,
      head: heads.find,
      seal: (...block) => sealer.seal(...block),
    }
    for (;;) {
      sealer.begin()
      const slice = await encodeSlice(chunks, writing.day, knowledge)
      const isWhole = slice.unknown.size === 0 && !slice.isUnsealed
      if (isWhole && (slice.entries === 0 || (await writing.begin()))) return slice
      // What was sealed before the transaction began is void when somebody was erased until then.
      if (isWhole) sealer = createSliceSealer(subjects)
      if (slice.unknown.size > 0) await writing.use((open) => heads.load(open, slice.unknown))
      if (slice.isUnsealed) await writing.use(sealer.prepare)
    }
  }

  async function planTables(chunks: readonly StreamedChunk[]): Promise<void> {
    const unknown = new Set<StreamedRelation>()
    for (const { changes, truncated } of chunks) {
      for (const { relation } of changes) if (plans.get(relation) === undefined) unknown.add(relation)
      for (const relation of truncated) if (plans.get(relation) === undefined) unknown.add(relation)
    }
    if (unknown.size === 0) return
    const tables = new Map((await readJournalledTables(database)).map((table) => [table.relation, table]))
    for (const relation of unknown) plans.set(relation, planTable(relation, tables))
  }

  /**
   * The day under which entries are kept. It never decreases, so that days leave the journal in the order of the chains:
   * after a clock that was far ahead, each day is the one after the last.
   */
  async function today(open: JournalSession): Promise<number> {
    const now = clock.now()
    const next = dayAfter(lastDay, dayOf(now))
    if (next !== lastDay) {
      await open.prepareDay(next.day, now)
      lastDay = next
    }
    return next.day
  }

  function required(): JournalSession {
    if (!session) throw databaseErrors.database_unavailable()
    return session
  }

  /** The transaction of a batch. It begins when there is something to be looked up or written. */
  interface Writing {
    readonly day: number
    /** From here on no person is erased. False when somebody was meanwhile: then what was sealed before is void. */
    begin(): Promise<boolean>
    /** Runs statements on the connection, after what is being written. */
    use<T>(work: (session: JournalSession) => Promise<T>): Promise<T>
    /** Writes a slice while the caller goes on; waits for the one before. */
    add(slice: EncodedSlice, position: string): Promise<void>
    /** Writes a slice; false when PostgreSQL does not take it. */
    attempt(slice: EncodedSlice, position: string): Promise<boolean>
    recordGap(position: string, reason: GapReason): Promise<void>
    commit(position: string): Promise<void>
    abandon(): Promise<void>
  }

  function createWriting(open: JournalSession, day: number): Writing {
    const moved = new Map<string, ChainHead>()
    let begun = false
    let isEmpty = true
    let last: Promise<unknown> = Promise.resolve()

    async function begin(): Promise<boolean> {
      if (begun) return true
      begun = true
      return subjects.keepUnlessErased(await open.begin(stored))
    }

    async function write(slice: EncodedSlice, position: string): Promise<void> {
      if (slice.entries > 0) await open.copy(day, slice.parts)
      if (slice.gap !== null) await open.recordGap(position, slice.gap)
      if (slice.heads.size > 0) await open.moveHeads(slice.heads)
    }

    function take(slice: EncodedSlice): void {
      isEmpty = false
      heads.move(slice.heads)
      for (const [tenant, head] of slice.heads) moved.set(tenant, head)
    }

    async function use<T>(work: (session: JournalSession) => Promise<T>): Promise<T> {
      await last
      await begin()
      return work(open)
    }

    return {
      day,
      begin,
      use,
      add: (slice, position) =>
        use(async () => {
          take(slice)
          last = write(slice, position)
          last.catch(() => undefined)
        }),
      attempt: (slice, position) =>
        use(async () => {
          const isTaken = await open.attempt(() => write(slice, position))
          if (isTaken) take(slice)
          return isTaken
        }),
      recordGap: (position, reason) =>
        use(async () => {
          isEmpty = false
          await open.recordGap(position, reason)
        }),
      commit: async (position) => {
        await last
        if (isEmpty && begun) await open.rollback()
        if (isEmpty) return
        await witness.storing(stored, position, moved)
        await open.commit(stored, position)
        stored = position
        witness.stored()
      },
      abandon: async () => {
        await last.catch(() => undefined)
        if (begun) await open.rollback().catch(() => undefined)
      },
    }
  }

  /** Where the journal could not store for too long, nobody knows what happened: rewind does not go back past that. */
  async function missed({ from, until, reason }: MissedCommits): Promise<void> {
    if (reason !== 'set_aside') return
    const open = required()
    await open.query('begin')
    await open.query(
      `insert into plinth_journal.gaps (from_position, until_position, reason, noticed_at)
       values ($1, $2, $3, clock_timestamp())`,
      [from, until, reason],
    )
    await open.query('update plinth_journal.positions set position = $2 where consumer = $1', [
      journalConsumer,
      until,
    ])
    await open.query('commit')
    stored = await open.position()
    await witness.takeOver(open)
  }

  return {
    name: journalConsumer,
    isRequired: true,
    position: takeOver,
    handle,
    missed,
    close: async () => {
      await session?.end()
      session = null
      await witness.close()
    },
  }
}

/** The clock may be put back by less than a day without a new one. */
export function dayAfter(last: JournalDay | null, today: number): JournalDay {
  if (last === null) return { day: today, openedOn: today }
  if (today === last.openedOn || today === last.openedOn - 1) return last
  return { day: Math.max(last.day + 1, today), openedOn: today }
}

/** The changes of some chunks in two parts; null when there is only one change. */
function halvesOf(
  chunks: readonly StreamedChunk[],
): readonly [readonly StreamedChunk[], readonly StreamedChunk[]] | null {
  const only = chunks.length === 1 ? chunks[0]! : null
  if (!only) {
    const middle = Math.ceil(chunks.length / 2)
    return [chunks.slice(0, middle), chunks.slice(middle)]
  }
  const { changes } = only
  if (changes.length < 2) return null
  const middle = Math.ceil(changes.length / 2)
  return [
    [{ ...only, changes: changes.slice(0, middle) }],
    [{ ...only, changes: changes.slice(middle), truncated: [] }],
  ]
}
