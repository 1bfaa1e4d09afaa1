import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { databaseErrors, type ProjectDatabase } from '../../database/index.ts'
import type { Clock, Log } from '../../kernel/index.ts'
import type { CommittedTransaction } from '../committed-transaction.ts'
import type { DurableConsumer } from '../consumers/consumer.ts'
import { tailErrors } from '../errors.ts'
import { postgresEpoch, type StreamedTransaction } from '../stream/decode-changes.ts'
import type { StreamedRelation } from '../stream/row-change.ts'
import { createCopyBuffer, putByte, putBytes } from './copy-buffer.ts'
import {
  type ChainHead,
  encodeChange,
  encodeTransactionFields,
  noHash,
  type SealValue,
} from './encode-entries.ts'
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

/** Signature, flags and the length of no extension. */
const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const dayMilliseconds = 86_400_000
const rememberedHeads = 100_000
/** Long enough for the largest batch on a slow disk; a server that does not answer for longer is gone. */
const answerMilliseconds = 60_000
const session = `-c idle_in_transaction_session_timeout=10000 -c statement_timeout=${answerMilliseconds}`

/**
 * The consumer that stores every change of a journalled row exactly once: entries, chain heads and the position of the
 * stream go into the database in one transaction, which is refused when another process has moved the position.
 */
export function createJournal(options: JournalOptions): DurableConsumer {
  const { database, clock } = options
  const applicationName = `plinth journal ${database.system}`
  const subjects = createSubjectKeys(database, options.key)
  let client: pg.Client | null = null
  let headsFile: Promise<HeadsFile> | null = null
  let plans = new WeakMap<StreamedRelation, Plan>()
  let heads = new Map<string, ChainHead>()
  let stored: string | null = null
  let lastDay = 0
  let preparedDay = 0
  let lastBatchBytes = 65_536

  /** The stream is ours, so whoever else still writes is a holder that was frozen: it is ended before we look. */
  async function takeOver(): Promise<string | null> {
    await client?.end().catch(() => undefined)
    client = await connect(database, applicationName)
    await client.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where application_name = $1 and datname = current_database() and pid <> pg_backend_pid()`,
      [applicationName],
    )
    heads = new Map()
    plans = new WeakMap()
    preparedDay = 0
    lastDay = await readLastDay(client)
    const { rows } = await client.query<{ position: string }>(
      'select position::text from plinth.tail_positions where consumer = $1',
      [journalConsumer],
    )
    stored = rows[0]?.position ?? null
    return stored
  }

  async function handle(transactions: readonly CommittedTransaction[]): Promise<void> {
    const batch = await encode(transactions as readonly StreamedTransaction[])
    if (batch.entries === 0 && !batch.incomplete) return
    await write(batch, transactions.at(-1)!.position)
    for (const [tenant, head] of batch.heads) heads.set(tenant, head)
    if (heads.size > rememberedHeads) heads = new Map()
    headsFile ??= openHeadsFile(options)
    ;(await headsFile).note(batch.heads)
  }

  /** Tables, chains and persons that are met for the first time are looked up, then the batch is written again. */
  async function encode(transactions: readonly StreamedTransaction[]): Promise<Batch> {
    const day = await today()
    for (;;) {
      const unknown: Unknown = { relations: new Set(), tenants: new Set(), subjects: new Set() }
      const batch = encodeBatch(transactions, day, unknown)
      const { relations, tenants, subjects: persons } = unknown
      if (relations.size + tenants.size + persons.size === 0) return batch
      if (relations.size > 0) await planTables(relations)
      if (tenants.size > 0) await loadHeads([...tenants])
      if (persons.size > 0) await subjects.prepare(persons)
    }
  }

  function encodeBatch(transactions: readonly StreamedTransaction[], day: number, unknown: Unknown): Batch {
    const moved = new Map<string, ChainHead>()
    const out = createCopyBuffer(lastBatchBytes)
    const headOf = (tenant: string): ChainHead => {
      let head = moved.get(tenant)
      if (head) return head
      const known = heads.get(tenant)
      if (!known) unknown.tenants.add(tenant)
      head = { sequence: known?.sequence ?? 0, hash: known?.hash ?? noHash }
      moved.set(tenant, head)
      return head
    }
    const seal: SealValue = (subject, relation, column, value) => {
      const sealed = subjects.seal(subject, relation, column, value)
      if (sealed === undefined) unknown.subjects.add(subject)
      return sealed ?? 'null'
    }
    let entries = 0
    let incomplete = false
    putBytes(out, copyHeader)
    for (const transaction of transactions) {
      const fields = encodeTransactionFields(transaction, day)
      for (const change of transaction.changes) {
        const plan = plans.get(change.relation)
        if (plan === undefined) unknown.relations.add(change.relation)
        if (!plan) continue
        if (plan === 'unreadable' || change.relation.replicaIdentity !== 'f') incomplete = true
        if (plan === 'unreadable') continue
        entries += encodeChange(change, plan, fields, { out, headOf, seal })
      }
    }
    putByte(out, 0xff)
    putByte(out, 0xff)
    return { heads: moved, entries, incomplete, day, rows: out.bytes.subarray(0, out.length) }
  }

  async function planTables(relations: ReadonlySet<StreamedRelation>): Promise<void> {
    const tables = new Map((await readJournalledTables(database)).map((table) => [table.relation, table]))
    for (const relation of relations) plans.set(relation, planTable(relation, tables))
  }

  async function loadHeads(tenants: readonly string[]): Promise<void> {
    const { rows } = await required().query<{ tenant: string; sequence: string; hash: string }>(
      `select tenant, sequence, encode(hash, 'hex') as hash from plinth.journal_heads where tenant = any ($1)`,
      [tenants],
    )
    for (const tenant of tenants) heads.set(tenant, { sequence: 0, hash: noHash })
    for (const row of rows) heads.set(row.tenant, { sequence: Number(row.sequence), hash: row.hash })
  }

  /** Days since 2000-01-01, UTC; never less than before, so that days leave the journal in the order of the chains. */
  async function today(): Promise<number> {
    const day = Math.max(
      lastDay,
      Math.floor((clock.now().getTime() - postgresEpoch * 1000) / dayMilliseconds),
    )
    if (day !== preparedDay) {
      await required().query('select plinth.create_journal_partition($1::date)', [dateOf(day)])
      preparedDay = day
      lastDay = day
    }
    return day
  }

  async function write(batch: Batch, position: string): Promise<void> {
    const connection = required()
    await connection.query('begin')
    await movePosition(connection, position)
    if (batch.incomplete) await recordIncomplete(connection, position)
    await pipeline([batch.rows], connection.query(copyFrom(copyInto(batch.day))))
    const moved = [...batch.heads]
    await connection.query({
      name: 'plinth_journal_heads',
      text: `insert into plinth.journal_heads (tenant, sequence, hash)
        select tenant, sequence, decode(hash, 'hex')
        from unnest($1::text[], $2::bigint[], $3::text[]) moved(tenant, sequence, hash)
        on conflict (tenant) do update set sequence = excluded.sequence, hash = excluded.hash`,
      values: [
        moved.map(([tenant]) => tenant),
        moved.map(([, head]) => head.sequence),
        moved.map(([, head]) => head.hash),
      ],
    })
    await connection.query('commit')
    stored = position
    lastBatchBytes = Math.max(65_536, Math.ceil(batch.rows.length * 1.25))
  }

  /** The fence: a holder that slept while another one wrote finds the position moved, and writes nothing. */
  async function movePosition(connection: pg.Client, position: string): Promise<void> {
    const { rowCount } =
      stored === null
        ? await connection.query(
            'insert into plinth.tail_positions (consumer, position) values ($1, $2) on conflict do nothing',
            [journalConsumer, position],
          )
        : await connection.query(
            'update plinth.tail_positions set position = $2 where consumer = $1 and position = $3',
            [journalConsumer, position, stored],
          )
    if (rowCount !== 1) throw tailErrors.journal_overtaken({ system: database.system })
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
      await headsFile?.then((file) => file.close())
    },
  }
}

type Plan = ReturnType<typeof planTable>

/** What a batch needs and this process has not looked up yet. */
interface Unknown {
  readonly relations: Set<StreamedRelation>
  readonly tenants: Set<string>
  readonly subjects: Set<string>
}

interface Batch {
  readonly heads: ReadonlyMap<string, ChainHead>
  readonly entries: number
  /** Images are missing because a table's replica identity was changed behind our back. */
  readonly incomplete: boolean
  readonly day: number
  /** A whole binary COPY. */
  readonly rows: Buffer
}

/** A connection of its own: COPY does not mix with pipelining, and it is what a successor ends. */
async function connect(database: ProjectDatabase, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: database.addresses.ownerDirect,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    query_timeout: answerMilliseconds,
    options: session,
  })
  // The statement under way fails with the same error.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Straight into the day's partition: no routing per row. */
const copyInto = (day: number) =>
  `copy plinth.${partitionOf(day)} (tenant, sequence, day, position, committed_at, actor, relation, key, operation,
    before, after, previous_hash, hash) from stdin (format binary)`

const dateOf = (day: number) =>
  new Date(postgresEpoch * 1000 + day * dayMilliseconds).toISOString().slice(0, 10)
const partitionOf = (day: number) => `journal_${dateOf(day).replaceAll('-', '')}`

async function readLastDay(connection: pg.Client): Promise<number> {
  const { rows } = await connection.query<{ day: number | null }>(
    `select max(to_date(right(c.relname, 8), 'YYYYMMDD')) - date '2000-01-01' as day
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'plinth.journal'::regclass`,
  )
  return rows[0]?.day ?? 0
}

/** Recorded as a gap, since what was there before these changes is not known. */
async function recordIncomplete(connection: pg.Client, position: string): Promise<void> {
  await connection.query(
    `insert into plinth.tail_gaps (from_position, until_position, reason, noticed_at)
     values ($1, $1, 'images_missing', clock_timestamp())`,
    [position],
  )
}
