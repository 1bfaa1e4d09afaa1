import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { createPinnedClient, databaseErrors, type ProjectDatabase } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import {
  type CommittedTransaction,
  type DurableConsumer,
  postgresEpoch,
  type StreamedRelation,
  type StreamedTransaction,
  tailErrors,
} from '../tail/index.ts'
import { type EncodedBatch, encodeBatch, type Knowledge, type Plan } from './encode-batch.ts'
import { type ChainHead, noHash } from './encode-entries.ts'
import { planTable, readJournalledTables } from './journal-tables.ts'
import { type HeadsFile, openHeadsFile } from './keep-heads-file.ts'
import { createSubjectKeys } from './seal-values.ts'

export interface JournalOptions {
  readonly database: ProjectDatabase
  /** 32 bytes, derived from the master key for this project's journal; seals personal values and the chain heads. */
  readonly key: Buffer
  /** Where chain heads are kept outside the database: `<data folder>/journal/<system>`. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
}

/** Name of the journal among the consumers of the tail. */
export const journalConsumer = 'journal'

const dayMilliseconds = 86_400_000
const rememberedHeads = 100_000
/** Long enough for the largest batch on a slow disk; a server that does not answer for longer is gone. */
const answerMilliseconds = 60_000
const session = { idle_in_transaction_session_timeout: 10_000, statement_timeout: answerMilliseconds }

/**
 * The consumer that stores every change of a journalled row exactly once: entries, chain heads and the position of the
 * stream go into the database in one transaction, which is refused when another process has moved the position.
 */
export function createJournal(options: JournalOptions): DurableConsumer {
  const { database, clock } = options
  const applicationName = `plinth journal ${database.system}`
  const subjects = createSubjectKeys(database, options.key)
  let client: pg.Client | null = null
  let headsFile: HeadsFile | null = null
  let plans = new WeakMap<StreamedRelation, Plan>()
  let heads = new Map<string, ChainHead>()
  let stored: string | null = null
  let lastDay = 0
  let preparedDay = 0
  /** True when a tenant that is not among `heads` has no chain. */
  let allHeads = false
  const knowledge: Knowledge = {
    plan: (relation) => plans.get(relation),
    head: (tenant) => heads.get(tenant) ?? (allHeads ? null : undefined),
    seal: subjects.seal,
  }

  /** The stream is ours, so whoever else still writes is a holder that was frozen: it is ended before we look. */
  async function takeOver(): Promise<string | null> {
    headsFile ??= await openHeadsFile(options)
    await client?.end().catch(() => undefined)
    client = await connect(database, applicationName)
    await client.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where application_name = $1 and usename = current_user and datname = current_database()
         and pid <> pg_backend_pid()`,
      [applicationName],
    )
    await loadAllHeads(client)
    plans = new WeakMap()
    preparedDay = 0
    lastDay = await readLastDay(client)
    const { rows } = await client.query<{ position: string }>(
      'select position::text from plinth_journal.positions where consumer = $1',
      [journalConsumer],
    )
    stored = rows[0]?.position ?? null
    return stored
  }

  /** Tables, chains and persons that are met for the first time are looked up, then the batch is encoded again. */
  async function handle(given: readonly CommittedTransaction[]): Promise<void> {
    const transactions = given as readonly StreamedTransaction[]
    const day = await today()
    for (;;) {
      const batch = encodeBatch(transactions, day, knowledge)
      const first = batch.next()
      if (batch.isKnown && (await write(batch, first, day, transactions.at(-1)!.position))) return
      // What else is not known is found out in the same go.
      while (batch.next());
      await lookUp(batch)
    }
  }

  async function lookUp({ unknown }: EncodedBatch): Promise<void> {
    if (unknown.relations.size > 0) await planTables(unknown.relations)
    if (unknown.tenants.size > 0) await loadHeads([...unknown.tenants])
    if (unknown.subjects.size > 0) await subjects.prepare(unknown.subjects)
  }

  function remember(moved: ReadonlyMap<string, ChainHead>): void {
    for (const [tenant, head] of moved) heads.set(tenant, head)
    if (heads.size > rememberedHeads) {
      heads = new Map()
      allHeads = false
    }
    headsFile?.note(moved)
  }

  async function planTables(relations: ReadonlySet<StreamedRelation>): Promise<void> {
    const tables = new Map((await readJournalledTables(database)).map((table) => [table.relation, table]))
    for (const relation of relations) plans.set(relation, planTable(relation, tables))
  }

  async function loadAllHeads(connection: pg.Client): Promise<void> {
    const { rows } = await connection.query<HeadRow>(`${headQuery} limit ${rememberedHeads + 1}`)
    allHeads = rows.length <= rememberedHeads
    heads = new Map((allHeads ? rows : []).map(readHead))
  }

  async function loadHeads(tenants: readonly string[]): Promise<void> {
    const { rows } = await required().query<HeadRow>(`${headQuery} where tenant = any ($1)`, [tenants])
    for (const tenant of tenants) heads.set(tenant, { sequence: 0, hash: noHash })
    for (const [tenant, head] of rows.map(readHead)) heads.set(tenant, head)
  }

  /** Days since 2000-01-01, UTC; never less than before, so that days leave the journal in the order of the chains. */
  async function today(): Promise<number> {
    const day = Math.max(
      lastDay,
      Math.floor((clock.now().getTime() - postgresEpoch * 1000) / dayMilliseconds),
    )
    if (day !== preparedDay) {
      await required().query('select plinth_journal.create_partition($1::date)', [dateOf(day)])
      preparedDay = day
      lastDay = day
    }
    return day
  }

  /** False, with nothing written, when something turned up that has to be looked up first. */
  async function write(
    batch: EncodedBatch,
    first: Buffer | null,
    day: number,
    position: string,
  ): Promise<boolean> {
    if (batch.entries === 0 && !batch.incomplete) return true
    const connection = required()
    await connection.query('begin')
    await movePosition(connection, position)
    await pipeline(partsOf(first, batch), connection.query(copyFrom(copyInto(day))))
    if (!batch.isKnown || (await hasErased(batch))) {
      await connection.query('rollback')
      return false
    }
    if (batch.incomplete) await recordIncomplete(connection, position)
    await moveHeads(connection, [...batch.heads])
    await connection.query('commit')
    stored = position
    remember(batch.heads)
    return true
  }

  /** What was sealed under a key that is gone could never be read again, so it is sealed anew. */
  const hasErased = async ({ sealedFor }: EncodedBatch): Promise<boolean> =>
    sealedFor.size > 0 && (await subjects.forgetErased(sealedFor))

  /** The fence: a holder that slept while another one wrote finds the position moved, and writes nothing. */
  async function movePosition(connection: pg.Client, position: string): Promise<void> {
    const { rowCount } =
      stored === null
        ? await connection.query(
            'insert into plinth_journal.positions (consumer, position) values ($1, $2) on conflict do nothing',
            [journalConsumer, position],
          )
        : await connection.query(
            'update plinth_journal.positions set position = $2 where consumer = $1 and position = $3',
            [journalConsumer, position, stored],
          )
    if (rowCount !== 1) throw tailErrors.tail_overtaken({ system: database.system })
  }

  function required(): pg.Client {
    if (!client) throw databaseErrors.database_unavailable()
    return client
  }

  return {
    name: journalConsumer,
    position: takeOver,
    handle,
    close: async () => {
      await client?.end().catch(() => undefined)
      client = null
      await headsFile?.close()
    },
  }
}

function* partsOf(first: Buffer | null, batch: EncodedBatch): Generator<Buffer> {
  for (let part = first; part; part = batch.next()) yield part
}

async function moveHeads(
  connection: pg.Client,
  moved: readonly (readonly [string, ChainHead])[],
): Promise<void> {
  await connection.query({
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
}

/** A connection of its own: COPY does not mix with pipelining, and it is what a successor ends. */
async function connect(database: ProjectDatabase, applicationName: string): Promise<pg.Client> {
  const client = createPinnedClient(database.addresses.journal, applicationName, session, {
    query_timeout: answerMilliseconds,
  })
  await client.connect()
  return client
}

interface HeadRow {
  readonly tenant: string
  readonly sequence: string
  readonly hash: string
}

const headQuery = `select tenant, sequence, encode(hash, 'hex') as hash from plinth_journal.heads`

const readHead = (row: HeadRow): [string, ChainHead] => [
  row.tenant,
  { sequence: Number(row.sequence), hash: row.hash },
]

/** Straight into the day's partition: no routing per row. */
const copyInto = (day: number) =>
  `copy plinth_journal.${partitionOf(day)} (tenant, sequence, day, position, committed_at, actor, relation, key, operation,
    before, after, previous_hash, hash) from stdin (format binary)`

const dateOf = (day: number) =>
  new Date(postgresEpoch * 1000 + day * dayMilliseconds).toISOString().slice(0, 10)
const partitionOf = (day: number) => `entries_${dateOf(day).replaceAll('-', '')}`

async function readLastDay(connection: pg.Client): Promise<number> {
  const { rows } = await connection.query<{ day: number | null }>(
    `select max(to_date(right(c.relname, 8), 'YYYYMMDD')) - date '2000-01-01' as day
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'plinth_journal.entries'::regclass`,
  )
  return rows[0]?.day ?? 0
}

/** Recorded as a gap, since what was there before these changes is not known. */
async function recordIncomplete(connection: pg.Client, position: string): Promise<void> {
  await connection.query(
    `insert into plinth_journal.gaps (from_position, until_position, reason, noticed_at)
     values ($1, $1, 'images_missing', clock_timestamp())`,
    [position],
  )
}
