import type { QueryResult, QueryResultRow } from 'pg'
import { hasCode, type Log } from '../kernel/index.ts'
import { type ActorMessages, createActorMessages } from './callers/actor-message.ts'
import type { Caller } from './callers/caller.ts'
import {
  runStatement,
  runTransaction,
  type Transaction,
  type TransactionOptions,
  toQuery,
} from './callers/run-transaction.ts'
import { createPool, type Pool } from './pool.ts'
import type { Statement } from './sql.ts'

/** The addresses of one system's database, one per login role. */
export interface ProjectAddresses {
  /** As `authenticator_<system>`, for requests; may pass a transaction pooler. */
  readonly requests: string
  /** As `owner_<system>`, for the platform's own work; may pass a transaction pooler. */
  readonly owner: string
  /** As `owner_<system>`, never through a pooler: LISTEN, session locks, migrations. */
  readonly ownerDirect: string
  /** Authenticates who acts, so that the tail can tell; 1 to 64 bytes that are in no database. */
  readonly actorSecret: string
  /** As an administrator with the right to replicate, never through a pooler. */
  readonly replication: string
}

/** One system's database, open. */
export interface ProjectDatabase {
  readonly system: string
  readonly addresses: ProjectAddresses
  /** Says who acts in transactions that are opened elsewhere (an import, a rewind), and reads it back. */
  readonly actors: ActorMessages
  /** One statement as the caller, in a transaction of its own: one network round trip. */
  asCaller<Row extends QueryResultRow>(
    caller: Caller,
    statement: Statement,
    options?: TransactionOptions,
  ): Promise<QueryResult<Row>>
  /** Several statements as the caller, in one transaction. */
  transactionAs<T>(
    caller: Caller,
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>
  /** The platform's own statements as the owner of the schemas; never for what a request may choose. */
  asOwner<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>>
  /** The platform's own statements as the owner, in one transaction. */
  transactionAsOwner<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** How many connections are in use, for health and metrics. */
  usage(): { readonly requests: ReturnType<Pool['usage']>; readonly owner: ReturnType<Pool['usage']> }
  close(): Promise<void>
}

export interface ProjectDatabaseOptions {
  readonly system: string
  readonly addresses: ProjectAddresses
  readonly log: Log
  /** Most connections for requests, default 10, and for the platform's own work, default 4. */
  readonly connections?: { readonly requests: number; readonly owner: number }
}

/** Most connections to a project's database for requests, and for the platform's own statements. */
export const defaultConnections = { requests: 10, owner: 4 }

/** Opens a project's database; connections are made when first needed. */
export function openProjectDatabase(options: ProjectDatabaseOptions): ProjectDatabase {
  const { system, addresses, log, connections = defaultConnections } = options
  const requests = createPool({ system, url: addresses.requests, max: connections.requests, log })
  const owner = createPool({ system, url: addresses.owner, max: connections.owner, log })
  const actors = createActorMessages(addresses.actorSecret)
  return {
    system,
    addresses,
    actors,
    asCaller: (caller, statement, transaction) =>
      retryDeadlocks(() =>
        requests.use((client) => runStatement(client, actors, caller, statement, transaction)),
      ),
    transactionAs: (caller, work, transaction) =>
      requests.use((client) => runTransaction(client, actors, caller, work, transaction)),
    asOwner: (statement) => owner.use((client) => client.query(toQuery(statement))),
    transactionAsOwner: (work) => owner.use((client) => runOwnerTransaction(client, work)),
    usage: () => ({ requests: requests.usage(), owner: owner.usage() }),
    close: async () => {
      await Promise.all([requests.end(), owner.end()])
    },
  }
}

/** SQLSTATE of a transaction that PostgreSQL sacrificed to end a deadlock; it did nothing, so it may be sent again. */
const deadlock = '40P01'
const attempts = 4

/** One statement is its whole transaction, so repeating it is safe; callers never see that two of them collided. */
async function retryDeadlocks<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === attempts || !hasCode(error, deadlock)) throw error
    }
  }
}

async function runOwnerTransaction<T>(
  client: Parameters<Parameters<Pool['use']>[0]>[0],
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  await client.query('begin')
  try {
    const result = await work({ query: (statement) => client.query(toQuery(statement)) })
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
