import pg from 'pg'
import { type ProjectDatabase, sql, type Transaction } from '../database/index.ts'

/** First half of the two-part advisory lock that a living node holds; the second is made of its id. */
const leaseSpace = 7_077_002

/** Proof that this node lives: a session lock that PostgreSQL drops the moment the connection does. */
export interface NodeLease {
  release(): Promise<void>
}

export async function takeNodeLease(
  database: ProjectDatabase,
  node: string,
  onLost: (error: Error) => void,
): Promise<NodeLease> {
  const client = new pg.Client({
    connectionString: database.addresses.ownerDirect,
    application_name: 'plinth job lease',
  })
  client.on('error', onLost)
  await client.connect()
  await client.query('select pg_advisory_lock($1, hashtext($2))', [leaseSpace, node])
  return { release: () => client.end() }
}

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

/** A node that died before its workers were noted left locks that belong to nobody. */
async function unlockUnknownWorkers(transaction: Transaction): Promise<void> {
  await transaction.query(sql`
    select graphile_worker.force_unlock_workers(array_agg(distinct locked_by)) from graphile_worker.jobs
    where locked_at < now() - interval '1 minute' and locked_by not in (select worker from plinth.job_nodes)
    having count(*) > 0`)
}
