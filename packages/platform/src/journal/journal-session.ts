import { once } from 'node:events'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { createPinnedClient, liftTransactionTimeout, type ProjectDatabase } from '../database/index.ts'
import { postgresEpoch, tailErrors } from '../tail/index.ts'
import type { ChainHead } from './encode-entries.ts'

/** Name of the journal among the consumers of the tail. */
export const journalConsumer = 'journal'

/**
 * The connection that stores entries, one transaction for each batch. It is of its own: COPY does not mix with pipelining,
 * and it is what a successor ends.
 */
export interface JournalSession {
  /** End of what is stored, null at first. */
  position(): Promise<string | null>
  /** The last day that has entries, and the day on which that was recorded by the clock; null at first. */
  lastDay(): Promise<JournalDay | null>
  /** Makes the partition of a day. */
  prepareDay(day: number, now: Date): Promise<void>
  /**
   * Begins the transaction of a batch. Until its end no person is erased and no other process stores. Gives how many
   * persons were erased so far. Fails with `tail_overtaken` when another process has stored since `position`.
   */
  begin(position: string | null): Promise<number>
  /** Appends entries to a day's partition. */
  copy(day: number, parts: readonly Buffer[]): Promise<void>
  moveHeads(heads: ReadonlyMap<string, ChainHead>): Promise<void>
  /** Does something that PostgreSQL may refuse because of what is to be stored; false, and nothing is done, when it does. */
  attempt(work: () => Promise<void>): Promise<boolean>
  /** Records a gap: not everything of this transaction is known. */
  recordGap(position: string, reason: GapReason): Promise<void>
  /** Moves the position and commits. Fails with `tail_overtaken` as `begin` does. */
  commit(from: string | null, to: string): Promise<void>
  rollback(): Promise<void>
  query: pg.Client['query']
  end(): Promise<void>
}

/**
 * `images_missing`: the images before changes, or rows, did not come. `unstorable`: PostgreSQL does not take what came.
 */
export type GapReason = 'images_missing' | 'unstorable'

/** Days since 2000-01-01, UTC. */
export interface JournalDay {
  readonly day: number
  readonly openedOn: number
}

/** A server that does not answer for so long is gone, milliseconds. Nothing that is asked at once takes minutes. */
const answerMilliseconds = 300_000

/** Opens the session and ends those of predecessors: the stream is ours, so whoever else still writes was frozen. */
export async function openJournalSession(database: ProjectDatabase): Promise<JournalSession> {
  const applicationName = `plinth journal ${database.system}`
  const client = createPinnedClient(
    database.addresses.journal,
    applicationName,
    {},
    {
      query_timeout: answerMilliseconds,
      keepAlive: true,
    },
  )
  await client.connect()
  try {
    await liftTransactionTimeout(client)
    await client.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where application_name = $1 and usename = current_user and datname = current_database()
         and pid <> pg_backend_pid()`,
      [applicationName],
    )
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  return sessionOf(client, database.system)
}

function sessionOf(client: pg.Client, system: string): JournalSession {
  const requireOwn = (isOwn: boolean) => {
    if (!isOwn) throw tailErrors.tail_overtaken({ system })
  }
  return {
    position: async () => {
      const { rows } = await client.query<{ position: string }>(
        'select position::text from plinth_journal.positions where consumer = $1',
        [journalConsumer],
      )
      return rows[0]?.position ?? null
    },
    lastDay: async () => {
      const { rows } = await client.query<JournalDay>(
        `select day - date '2000-01-01' as day, (opened_at at time zone 'UTC')::date - date '2000-01-01' as "openedOn"
         from plinth_journal.days order by day desc limit 1`,
      )
      return rows[0] ?? null
    },
    prepareDay: async (day, now) => {
      await client.query('select plinth_journal.create_partition($1::date, $2)', [dateOf(day), now])
    },
    begin: async (position) => {
      const results = (await client.query(beginText)) as unknown as pg.QueryResult[]
      const [erased, stored] = results.slice(-2)
      requireOwn((stored!.rows[0]?.position ?? null) === position)
      return Number(erased!.rows[0]!.count)
    },
    copy: async (day, parts) => {
      const stream = client.query(copyFrom(copyInto(day)))
      const finished = once(stream, 'finish')
      finished.catch(() => undefined)
      for (const part of parts) if (!stream.write(part)) await Promise.race([once(stream, 'drain'), finished])
      stream.end()
      await finished
    },
    moveHeads: async (heads) => {
      await client.query(moveHeads([...heads]))
    },
    attempt: async (work) => {
      await client.query('savepoint attempt')
      try {
        await work()
        await client.query('release savepoint attempt')
        return true
      } catch (error) {
        if (!isRefusal(error)) throw error
        await client.query('rollback to savepoint attempt')
        return false
      }
    },
    recordGap: async (position, reason) => {
      await client.query(
        `insert into plinth_journal.gaps (from_position, until_position, reason, noticed_at)
         values ($1, $1, $2, clock_timestamp())`,
        [position, reason],
      )
    },
    commit: async (from, to) => {
      const { rowCount } =
        from === null
          ? await client.query(
              'insert into plinth_journal.positions (consumer, position) values ($1, $2) on conflict do nothing',
              [journalConsumer, to],
            )
          : await client.query('update plinth_journal.positions set position = $2 where consumer = $1', [
              journalConsumer,
              to,
            ])
      requireOwn(rowCount === 1)
      await client.query('commit')
    },
    rollback: async () => {
      await client.query('rollback')
    },
    query: client.query.bind(client) as pg.Client['query'],
    end: async () => {
      await client.end().catch(() => undefined)
    },
  }
}

/**
 * One round trip. Writers share the lock of erasures, an erasure needs it alone; it is a table of the journal's role, since
 * any role can take an advisory lock. The row of the position keeps other processes out.
 */
const beginText = `begin;
lock table plinth_journal.erasures in share mode;
select count(*) from plinth_journal.erasures;
select position::text from plinth_journal.positions where consumer = '${journalConsumer}' for update`

/** Straight into the day's partition: no routing per row. */
const copyInto = (day: number) =>
  `copy plinth_journal.${partitionOf(day)} (tenant, sequence, day, position, committed_at, actor, relation, key, operation,
    before, after, previous_hash, hash) from stdin (format binary)`

const moveHeads = (moved: readonly (readonly [string, ChainHead])[]) => ({
  name: 'plinth_journal_heads',
  text: `insert into plinth_journal.heads (tenant, sequence, hash)
    select tenant, sequence, decode(hash, 'hex')
    from unnest($1::text[], $2::bigint[], $3::text[]) moved(tenant, sequence, hash)
    on conflict (tenant) do update set sequence = excluded.sequence, hash = excluded.hash`,
  values: [
    moved.map(([tenant]) => tenant),
    moved.map(([, head]) => head.sequence),
    moved.map(([, head]) => head.hash),
  ],
})

/** SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded. */
const refusals = ['22', '23', '54']
const uniqueViolation = '23505'

/** True when PostgreSQL does not take what it was given; an entry that is there twice is another process's instead. */
export function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.length === 5 && refusals.includes(code.slice(0, 2)) && code !== uniqueViolation
}

const dayMilliseconds = 86_400_000

/** Days since 2000-01-01, UTC. */
export const dayOf = (instant: Date): number =>
  Math.floor((instant.getTime() - postgresEpoch * 1000) / dayMilliseconds)

const dateOf = (day: number) =>
  new Date(postgresEpoch * 1000 + day * dayMilliseconds).toISOString().slice(0, 10)
const partitionOf = (day: number) => `entries_${dateOf(day).replaceAll('-', '')}`
