import { databaseErrors, type ProjectDatabase } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { Batch, DurableConsumer, MissedCommits, StreamedChunk, StreamedRelation } from '../tail/index.ts'
import type { ChainHead } from './encode-entries.ts'
import { type EncodedSlice, encodeSlice, type Knowledge } from './encode-slice.ts'
import { dayOf, type JournalSession, journalConsumer, openJournalSession } from './journal-session.ts'
import { type Plan, planTable, readJournalledTables } from './journal-tables.ts'
import { type HeadsFile, openHeadsFile } from './keep-heads-file.ts'
import { createKnownHeads } from './known-heads.ts'
import { createSliceSealer } from './seal/seal-slice.ts'
import { createSubjectKeys } from './seal/subject-keys.ts'

export interface JournalOptions {
  readonly database: ProjectDatabase
  /** 32 bytes, derived from the master key for this project's journal; seals personal values and the chain heads. */
  readonly key: Buffer
  /** Where chain heads are kept outside the database: `<data folder>/journal/<system>`. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * The consumer that stores every change of a journalled row exactly once: entries, chain heads and the position of the
 * stream go into the database in one transaction for each batch, which is refused when another process has moved the
 * position. A batch comes in slices: each is encoded, then copied while the next one is being encoded.
 */
export function createJournal(options: JournalOptions): DurableConsumer {
  const { database, clock } = options
  const subjects = createSubjectKeys(options.key)
  const heads = createKnownHeads()
  let session: JournalSession | null = null
  let headsFile: HeadsFile | null = null
  let plans = new WeakMap<StreamedRelation, Plan>()
  let stored: string | null = null
  let lastDay = 0
  let preparedDay = 0

  async function takeOver(): Promise<string | null> {
    headsFile ??= await openHeadsFile(options)
    await session?.end()
    session = await openJournalSession(database)
    await heads.reset(session)
    plans = new WeakMap()
    subjects.clear()
    preparedDay = 0
    lastDay = await readLastDay(session)
    stored = await session.position()
    return stored
  }

  /** Nothing is written of a batch that has nothing to be journalled. */
  async function handle(batch: Batch): Promise<void> {
    const open = required()
    const day = await today(open)
    const writing = createWriting(open, day)
    try {
      for await (const chunks of batch) {
        const slice = await encode(writing, chunks as readonly StreamedChunk[], day)
        if (slice.entries === 0 && !slice.isIncomplete) continue
        await writing.add(slice, batch.position)
      }
      await writing.commit(batch.position)
    } catch (error) {
      await writing.abandon()
      throw error
    }
  }

  /** Chains and persons that are met for the first time are looked up, then the slice is encoded again. */
  async function encode(
    writing: Writing,
    chunks: readonly StreamedChunk[],
    day: number,
  ): Promise<EncodedSlice> {
    await planTables(chunks)
    let sealer = createSliceSealer(subjects)
    const knowledge: Knowledge = {
      plan: (relation) => plans.get(relation)!,
      head: heads.find,
      seal: (...block) => sealer.seal(...block),
    }
    for (;;) {
      sealer.begin()
      const slice = await encodeSlice(chunks, day, knowledge)
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

  /** Days since 2000-01-01, UTC; never less than before, so that days leave the journal in the order of the chains. */
  async function today(open: JournalSession): Promise<number> {
    const day = Math.max(lastDay, dayOf(clock.now()))
    if (day !== preparedDay) {
      await open.prepareDay(day)
      preparedDay = day
      lastDay = day
    }
    return day
  }

  function required(): JournalSession {
    if (!session) throw databaseErrors.database_unavailable()
    return session
  }

  /** The transaction of a batch. It begins when there is something to be looked up or written. */
  interface Writing {
    /** From here on no person is erased. False when somebody was meanwhile: then what was sealed before is void. */
    begin(): Promise<boolean>
    /** Runs statements on the connection, after what is being written. */
    use<T>(work: (session: JournalSession) => Promise<T>): Promise<T>
    /** Writes a slice while the caller goes on; waits for the one before. */
    add(slice: EncodedSlice, position: string): Promise<void>
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
      if (slice.isIncomplete) await open.recordIncomplete(position)
      if (slice.heads.size > 0) await open.moveHeads(slice.heads)
    }

    async function use<T>(work: (session: JournalSession) => Promise<T>): Promise<T> {
      await last
      await begin()
      return work(open)
    }

    return {
      begin,
      use,
      add: (slice, position) =>
        use(async () => {
          isEmpty = false
          heads.move(slice.heads)
          for (const [tenant, head] of slice.heads) moved.set(tenant, head)
          last = write(slice, position)
          last.catch(() => undefined)
        }),
      commit: async (position) => {
        await last
        if (isEmpty && begun) await open.rollback()
        if (isEmpty) return
        await open.commit(stored, position)
        stored = position
        headsFile?.note(moved)
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
      await headsFile?.close()
    },
  }
}

async function readLastDay(session: JournalSession): Promise<number> {
  const { rows } = await session.query<{ day: number | null }>(
    `select max(to_date(right(c.relname, 8), 'YYYYMMDD')) - date '2000-01-01' as day
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'plinth_journal.entries'::regclass`,
  )
  return rows[0]?.day ?? 0
}
