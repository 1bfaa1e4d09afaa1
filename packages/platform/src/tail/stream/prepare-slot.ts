import type pg from 'pg'
import { createPinnedClient, type ProjectDatabase, sql, withPinnedClient } from '../../database/index.ts'
import type { Log } from '../../kernel/index.ts'
import type { DurableConsumer, MissedCommits } from '../consumers/consumer.ts'
import { tailErrors } from '../errors.ts'

export interface SlotOptions {
  readonly database: ProjectDatabase
  readonly slot: string
  readonly log: Log
  /** Told of missing commits before the slot counts as made, so that a crash in between tells them again. */
  readonly durable: readonly DurableConsumer[]
  /** Ends the attempt; a slot in the making is taken back by PostgreSQL. */
  readonly signal: AbortSignal
}

/** Any number that nobody else in the database takes. */
const preparationLock = 7_077_005

/** A holder that was frozen in the middle loses the lock after this many milliseconds. */
const session = { idle_session_timeout: 30_000 }

/**
 * Makes sure that the slot is there and that the consumers' positions belong to it. Gives the commits that are missing
 * when it had to be made (the first time, after it was lost, on another cluster), null when it was there, and `busy`
 * when another node is at it. Making it waits until every transaction that is open anywhere in the cluster has ended.
 */
export async function prepareSlot(options: SlotOptions): Promise<MissedCommits | null | 'busy'> {
  const { replication } = options.database.addresses
  const client = createPinnedClient(replication, applicationName(options.database), session)
  const abandon = () => void endSession(options.database, client)
  options.signal.addEventListener('abort', abandon, { once: true })
  try {
    await client.connect()
    options.signal.throwIfAborted()
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      preparationLock,
    ])
    if (rows[0]!.locked) return await prepare(client, options)
    await requireNode(client, options.database.system)
    return 'busy'
  } finally {
    options.signal.removeEventListener('abort', abandon)
    await client.end().catch(() => undefined)
  }
}

/** Any role can take an advisory lock: one that is not another node's would leave the stream to nobody, unnoticed. */
async function requireNode(client: pg.Client, system: string): Promise<void> {
  const { rows } = await client.query<{ role: string }>(
    `select a.usename as role from pg_locks l
     join pg_stat_activity a on a.pid = l.pid and a.datname = current_database() and a.usename <> current_user
     where l.locktype = 'advisory' and l.objid = $1 and l.objsubid = 1 and l.granted
       and l.database = (select oid from pg_database where datname = current_database())`,
    [preparationLock],
  )
  if (rows[0]) throw tailErrors.tail_lock_taken({ system, role: rows[0].role, lock: preparationLock })
}

const applicationName = ({ system }: ProjectDatabase) => `plinth tail ${system}`

/** Ended by PostgreSQL, not only left: a session that is left goes on waiting and makes the slot for nobody. */
async function endSession(database: ProjectDatabase, left: pg.Client): Promise<void> {
  const { processID, connection } = left as unknown as {
    processID: number | null
    connection: { stream: { destroy(): void } }
  }
  const terminate = (other: pg.Client) => other.query('select pg_terminate_backend($1, 2000)', [processID])
  // Without a server there is no slot in the making either.
  await withPinnedClient(database.addresses.replication, applicationName(database), terminate).catch(
    () => undefined,
  )
  connection.stream.destroy()
}

interface FoundSlot {
  readonly present: boolean
  readonly active: boolean | null
  readonly wal_status: string | null
  /** System identifier of the cluster. */
  readonly cluster: string
}

async function prepare(client: pg.Client, options: SlotOptions): Promise<MissedCommits | null | 'busy'> {
  const { rows } = await client.query<FoundSlot>(
    `select s.slot_name is not null as present, s.active, s.wal_status, c.system_identifier::text as cluster
     from pg_control_system() c left join pg_replication_slots s on s.slot_name = $1`,
    [options.slot],
  )
  const found = rows[0]!
  if (found.active) return 'busy'
  const recorded = await readRecord(options.database)
  const ours = recorded?.slot === options.slot && recorded.cluster === found.cluster
  if (found.present && ours && found.wal_status !== 'lost') return null
  if (found.present) await client.query('select pg_drop_replication_slot($1)', [options.slot])
  const elsewhere = recorded !== undefined && recorded.cluster !== found.cluster
  return makeSlot(client, options, found.cluster, elsewhere)
}

async function readRecord(database: ProjectDatabase) {
  const { rows } = await database.asJournal<{ slot: string; cluster: string }>(
    sql`select slot, cluster from plinth_journal.slot`,
  )
  return rows[0]
}

/**
 * Until the last statement there is no record of the slot, so a crash in between leaves one that nobody trusts, and
 * the next start makes it anew.
 */
async function makeSlot(
  client: pg.Client,
  options: SlotOptions,
  cluster: string,
  elsewhere: boolean,
): Promise<MissedCommits> {
  const { database, slot, log } = options
  await database.asJournal(sql`delete from plinth_journal.slot`)
  log.info({ slot }, 'making the slot of the tail; it waits for open transactions')
  const until = await createSlot(client, slot)
  const { rows } = await database.asJournal<{ seen: string | null; begun: boolean }>(sql`
    select max(position)::text as seen,
      exists (select from plinth_journal.gaps) or count(*) > 0 as begun from plinth_journal.positions`)
  const { seen, begun } = rows[0]!
  const missed: MissedCommits = {
    from: seen,
    until,
    reason: elsewhere ? 'other_cluster' : begun ? 'slot_lost' : 'beginning',
  }
  for (const consumer of options.durable) await consumer.missed?.(missed)
  await recordSlot(options, cluster, missed)
  return missed
}

async function recordSlot({ database, slot }: SlotOptions, cluster: string, missed: MissedCommits) {
  const { from, until, reason } = missed
  await database.transactionAsJournal(async (transaction) => {
    await transaction.query(sql`
      insert into plinth_journal.gaps (from_position, until_position, reason, noticed_at)
      values (${from}::pg_lsn, ${until}::pg_lsn, ${reason}, clock_timestamp())`)
    await transaction.query(sql`update plinth_journal.positions set position = ${until}::pg_lsn`)
    await transaction.query(sql`insert into plinth_journal.slot (slot, cluster) values (${slot}, ${cluster})`)
  })
}

/**
 * Gives the position after which everything arrives. A commit record may begin right where the slot does, hence one less.
 * From 17 on, a slot can be told to survive a failover of the cluster.
 */
async function createSlot(client: pg.Client, slot: string): Promise<string> {
  const { rows: settings } = await client.query<{ version: string }>(
    "select current_setting('server_version_num') as version",
  )
  const major = Number(settings[0]!.version)
  const failover = major >= 170_000 ? ', failover => true' : ''
  const { rows } = await client.query<{ lsn: string }>(
    `select (lsn - 1)::text as lsn from pg_create_logical_replication_slot($1, 'pgoutput'${failover})`,
    [slot],
  )
  return rows[0]!.lsn
}
