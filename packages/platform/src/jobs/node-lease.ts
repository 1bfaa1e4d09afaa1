import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type ProjectDatabase, sql, type Transaction } from '../database/index.ts'

/** First half of the two-part advisory lock that a living node holds; the second is made of its id. */
const leaseSpace = 7_077_002

/** Proof that this node lives: a session lock that PostgreSQL drops the moment the connection does. */
export interface NodeLease {
  release(): Promise<void>
}

/** Milliseconds between two attempts to take a lost lease again. */
const pause = 500

/** Takes the lease, and takes it again whenever its connection was lost, with `workers` noted anew. */
export async function takeNodeLease(
  database: ProjectDatabase,
  node: string,
  workers: readonly string[],
  onLost: (error: Error) => void,
): Promise<NodeLease> {
  const released = new AbortController()
  let client = await lock(database, node, lose)
  return {
    release: async () => {
      released.abort()
      await client.end()
    },
  }

  function lose(error: Error): void {
    if (released.signal.aborted) return
    onLost(error)
    void retake()
  }

  async function retake(): Promise<void> {
    while (!released.signal.aborted) {
      await delay(pause)
      const next = await lock(database, node, lose).catch(() => undefined)
      if (!next) continue
      if (released.signal.aborted) return next.end()
      client = next
      // Another node may have taken this one for dead meanwhile.
      return noteWorkers(database, node, workers).catch(() => undefined)
    }
  }
}

async function lock(
  database: ProjectDatabase,
  node: string,
  onLost: (error: Error) => void,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: database.addresses.ownerDirect,
    application_name: 'plinth job lease',
  })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('select pg_advisory_lock($1, hashtext($2))', [leaseSpace, node])
  client.once('error', onLost)
  return client
}

/** Notes under which names this node locks jobs (graphile-worker locks by pool), so that others can give them back. */
export async function noteWorkers(
  database: ProjectDatabase,
  node: string,
  workers: readonly string[],
): Promise<void> {
  await database.asOwner(sql`
    insert into plinth.job_nodes (worker, node) select worker, ${node} from unnest(${workers}::text[]) as worker
    on conflict do nothing`)
}

/** Gives back what this node still holds, because its jobs did not end in time. */
export const releaseNode = (database: ProjectDatabase, node: string): Promise<void> =>
  database.transactionAsOwner((transaction) => giveBack(transaction, node))

/**
 * Gives the jobs of nodes that died back to the queue, and marks their runs as lost. Without it a job that a killed
 * node held would wait four hours (graphile-worker's own limit). Gives the names of the dead nodes.
 */
export async function releaseDeadNodes(database: ProjectDatabase): Promise<readonly string[]> {
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ node: string }>(sql`
      select node from (select distinct node from plinth.job_nodes) as seen
      where pg_try_advisory_xact_lock(${leaseSpace}, hashtext(node))`)
    for (const { node } of rows) await giveBack(transaction, node)
    await unlockUnknownWorkers(transaction)
    return rows.map(({ node }) => node)
  })
}

async function giveBack(transaction: Transaction, node: string): Promise<void> {
  await transaction.query(sql`
    select graphile_worker.force_unlock_workers(array_agg(worker)) from plinth.job_nodes where node = ${node}`)
  await transaction.query(sql`
    update plinth.job_runs set outcome = 'lost', finished_at = now() where node = ${node} and outcome = 'running'`)
  await transaction.query(sql`delete from plinth.job_nodes where node = ${node}`)
}

/** A node that died before its workers were noted left locks that belong to nobody. Living nodes have noted theirs. */
async function unlockUnknownWorkers(transaction: Transaction): Promise<void> {
  await transaction.query(sql`
    select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
    where locked_at < now() - interval '1 minute' and locked_by not in (select worker from plinth.job_nodes)
    having count(*) > 0`)
}
