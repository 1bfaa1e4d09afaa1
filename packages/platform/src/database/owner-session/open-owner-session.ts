import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { type ActorMessages, actorStatement, createActorMessages } from '../callers/actor-message.ts'
import type { Actor } from '../callers/caller.ts'
import { toQuery } from '../callers/transaction-query.ts'
import type { ProjectAddresses } from '../project-database.ts'
import { type CopiedRow, copyRows } from './copy-rows.ts'

export interface OwnerTransactionOptions {
  /** What the journal says of the transaction: `orders of december.csv`. */
  readonly reason: string
  /** Settings for this transaction: `{ 'plinth.importing': 'on' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** False: the commit does not wait for the disk. A later one that waits carries all before it. Default true. */
  readonly waitsForDisk?: boolean
}

/**
 * A connection of its own as the owner of a system's database, past any pooler: COPY, temporary tables, session locks
 * and long transactions work on it. Nothing that a request may choose runs here.
 */
export interface OwnerSession {
  query<Row extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>
  /** Copies rows into a table as they come; a column that a row lacks is NULL. */
  copyInto(table: string, columns: readonly string[], rows: AsyncIterable<CopiedRow>): Promise<void>
  /** Runs `work` in a transaction that the journal ascribes to this session, with its reason. */
  transaction<T>(options: OwnerTransactionOptions, work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** What opens a session; whoever calls it closes it. */
export type OpenOwnerSession = () => Promise<OwnerSession>

export interface OwnerSessionOptions {
  readonly addresses: Pick<ProjectAddresses, 'ownerDirect' | 'actorSecret'>
  /** What acts, for the journal and for `pg_stat_activity`: `import`, `demo`. */
  readonly via: string
}

export async function openOwnerSession({ addresses, via }: OwnerSessionOptions): Promise<OwnerSession> {
  const client = new pg.Client({ connectionString: addresses.ownerDirect, application_name: `plinth ${via}` })
  // A connection that breaks fails the query under way; without a listener it would end the process as well.
  client.on('error', () => undefined)
  await client.connect()
  const actors = createActorMessages(addresses.actorSecret)
  return {
    query: (text, values = []) => client.query(text, [...values]),
    copyInto: (table, columns, rows) => copyRows(client, table, columns, rows),
    transaction: (options, work) => runTransaction(client, actors, via, options, work),
    close: () => client.end(),
  }
}

async function runTransaction<T>(
  client: pg.Client,
  actors: ActorMessages,
  via: string,
  { reason, settings = {}, waitsForDisk = true }: OwnerTransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  const actor: Actor = { user: null, role: 'service_role', requestId: randomUUID(), via, reason }
  const applied = { ...settings, synchronous_commit: waitsForDisk ? 'on' : 'off' }
  await client.query('begin')
  try {
    await client.query(toQuery(actorStatement(actors, actor)))
    await client.query(
      'select pg_catalog.set_config(s.key, s.value, true) from pg_catalog.jsonb_each_text($1) s',
      [JSON.stringify(applied)],
    )
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
