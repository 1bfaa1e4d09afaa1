import pg from 'pg'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import type { Log } from '../../kernel/index.ts'
import type { MissedCommits } from '../consumers/consumer.ts'

export interface SlotOptions {
  readonly database: ProjectDatabase
  readonly slot: string
  readonly log: Log
  /** Ends the attempt; a slot in the making is taken back by PostgreSQL. */
  readonly signal: AbortSignal
}

/** Any number that nobody else in the database takes. */
const preparationLock = 7_077_005

/** A holder that was frozen in the middle loses the lock after this many milliseconds. */
const session = '-c idle_session_timeout=30000 -c statement_timeout=0'

/**
 * Makes sure that the slot is there and that the consumers' positions belong to it. Gives the commits that are missing
 * when it had to be made (the first time, after it was lost, on another cluster), null when it was there, and `busy`
 * when another node is at it. Making it waits until every transaction that is open anywhere in the cluster has ended.
 */
export async function prepareSlot(options: SlotOptions): Promise<MissedCommits | null | 'busy'> {
  const client = new pg.Client({
    connectionString: options.database.addresses.replication,
    application_name: `plinth tail ${options.database.system}`,
    connectionTimeoutMillis: 10_000,
    options: session,
  })
  client.on('error', () => undefined)
  const abandon = () => void endSession(options.database.addresses.replication, client)
  options.signal.addEventListener('abort', abandon, { once: true })
  try {
    await client.connect()
    options.signal.throwIfAborted()
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      preparationLock,
    ])
    if (!rows[0]!.locked) return 'busy'
    return await prepare(client, options)
  } finally {
    options.signal.removeEventListener('abort', abandon)
    await client.end().catch(() => undefined)
  }
}

/** Ended by PostgreSQL, not only left: a session that is left goes on waiting and makes the slot for nobody. */
async function endSession(url: string, left: pg.Client): Promise<void> {
  const { processID, connection } = left as unknown as {
    processID: number | null
    connection: { stream: { destroy(): void } }
  }
  const other = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  other.on('error', () => undefined)
  try {
    await other.connect()
    await other.query('select pg_terminate_backend($1, 2000)', [processID])
  } catch {
    // Then there is no server to make a slot either.
  } finally {
    connection.stream.destroy()
    await other.end().catch(() => undefined)
  }
}

interface SlotRow {
  readonly present: boolean
  readonly active: boolean | null
  readonly wal_status: string | null
  readonly cluster: string
  readonly recorded_slot: string | null
  readonly recorded_cluster: string | null
}

async function prepare(client: pg.Client, options: SlotOptions): Promise<MissedCommits | null | 'busy'> {
  const { rows } = await client.query<SlotRow>(
    `select s.slot_name is not null as present, s.active, s.wal_status,
       c.system_identifier::text as cluster, r.slot as recorded_slot, r.cluster as recorded_cluster
     from pg_control_system() c
     left join plinth.tail_slot r on true
     left join pg_replication_slots s on s.slot_name = $1`,
    [options.slot],
  )
  const found = rows[0]!
  if (found.active) return 'busy'
  const ours = found.recorded_slot === options.slot && found.recorded_cluster === found.cluster
  if (found.present && ours && found.wal_status !== 'lost') return null
  if (found.present) await client.query('select pg_drop_replication_slot($1)', [options.slot])
  const elsewhere = found.recorded_cluster !== null && found.recorded_cluster !== found.cluster
  return makeSlot(client, options, found.cluster, elsewhere)
}

/**
 * Until the last statement there is no record of the slot, so a crash in between leaves one that nobody trusts, and
 * the next start makes it anew.
 */
async function makeSlot(
  client: pg.Client,
  { database, slot, log }: SlotOptions,
  cluster: string,
  elsewhere: boolean,
): Promise<MissedCommits> {
  await database.asOwner(sql`delete from plinth.tail_slot`)
  log.info({ slot }, 'making the slot of the tail; it waits for open transactions')
  const until = await createSlot(client, slot)
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ seen: string | null; begun: boolean }>(sql`
      select max(position)::text as seen,
        exists (select from plinth.tail_gaps) or count(*) > 0 as begun from plinth.tail_positions`)
    const { seen, begun } = rows[0]!
    const reason = elsewhere ? 'other_cluster' : begun ? 'slot_lost' : 'beginning'
    await transaction.query(sql`
      insert into plinth.tail_gaps (from_position, until_position, reason, noticed_at)
      values (${seen}::pg_lsn, ${until}::pg_lsn, ${reason}, clock_timestamp())`)
    await transaction.query(sql`update plinth.tail_positions set position = ${until}::pg_lsn`)
    await transaction.query(sql`insert into plinth.tail_slot (slot, cluster) values (${slot}, ${cluster})`)
    return { from: seen, until, reason }
  })
}

/** From 17 on, a slot can be told to survive a failover of the cluster. */
async function createSlot(client: pg.Client, slot: string): Promise<string> {
  const major = Number(
    (await client.query<{ version: string }>("select current_setting('server_version_num') as version"))
      .rows[0]!.version,
  )
  const failover = major >= 170_000 ? ', failover => true' : ''
  const { rows } = await client.query<{ lsn: string }>(
    `select lsn::text from pg_create_logical_replication_slot($1, 'pgoutput'${failover})`,
    [slot],
  )
  return rows[0]!.lsn
}
