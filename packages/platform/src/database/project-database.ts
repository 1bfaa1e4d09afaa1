import type { QueryResult, QueryResultRow } from 'pg'
import type { Log } from '../kernel/index.ts'
import { type ActorMessages, createActorMessages } from './callers/actor-message.ts'
import { type Caller, serviceShare, shareOf } from './callers/caller.ts'
import {
  runStatement,
  runTransaction,
  type Transaction,
  type TransactionOptions,
} from './callers/run-transaction.ts'
import { toQuery } from './callers/transaction-query.ts'
import { createPool, type LoanTerms, type Pool } from './pool.ts'
import { retryUndone } from './retry-undone.ts'
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
  /** As `journal_<system>`, never through a pooler; sessions are pinned (`createPinnedClient`). */
  readonly journal: string
  /**
   * As `replicator`, or as the administrator where he could not make that role; never through a pooler, and pinned. It is
   * for PostgreSQL's own functions only: whatever a session with the right to replicate is led to run can copy the cluster.
   */
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
  /** The journal's own statements, in pinned sessions; on tables of the owner only what runs no code of his. */
  asJournal<Row extends QueryResultRow>(statement: Statement): Promise<QueryResult<Row>>
  transactionAsJournal<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** How many connections are in use, for health and metrics. */
  usage(): Readonly<Record<'requests' | 'owner' | 'journal', ReturnType<Pool['usage']>>>
  close(): Promise<void>
}

export interface ProjectDatabaseOptions {
  readonly system: string
  readonly addresses: ProjectAddresses
  readonly log: Log
  /** Most connections for requests, default 10, and for the platform's own work, default 4. */
  readonly connections?: { readonly requests: number; readonly owner: number }
  /**
   * Milliseconds that one statement of a role may take, where its transaction does not say otherwise. Default:
   * {@link defaultStatementTimeouts}; roles that are not named have what PostgreSQL gives them.
   */
  readonly statementTimeouts?: Readonly<Record<string, number>>
}

/** Most connections to a project's database for requests, and for the platform's own statements. */
export const defaultConnections = { requests: 10, owner: 4 }
/** Most connections for the journal's statements, beside the one that stores. */
export const journalConnections = 2

/** As on Supabase. The service role has its login's: 15 s. */
export const defaultStatementTimeouts: Readonly<Record<string, number>> = {
  anon: 3_000,
  authenticated: 8_000,
}

/** Opens a project's database; connections are made when first needed. */
export function openProjectDatabase(options: ProjectDatabaseOptions): ProjectDatabase {
  const { system, addresses, log, connections = defaultConnections } = options
  const { statementTimeouts = defaultStatementTimeouts } = options
  const requests = createPool({ system, url: addresses.requests, max: connections.requests, log })
  const owner = createPool({ system, url: addresses.owner, max: connections.owner, log })
  const actors = createActorMessages(addresses.actorSecret)
  const journal = createPool({
    system,
    url: addresses.journal,
    max: journalConnections,
    isPinned: true,
    log,
  })
  return {
    system,
    addresses,
    actors,
    asCaller: (caller, statement, given) => {
      const transaction = withTimeout(caller, given)
      const terms = termsOf(caller, connections.requests, transaction.readOnly ?? false)
      return retryUndone(() =>
        requests.use((client) => runStatement(client, actors, caller, statement, transaction), terms),
      )
    },
    transactionAs: (caller, work, given) => {
      const transaction = withTimeout(caller, given)
      const terms = termsOf(caller, connections.requests, false)
      return requests.use((client) => runTransaction(client, actors, caller, work, transaction), terms)
    },
    asOwner: (statement) => owner.use((client) => client.query(toQuery(statement))),
    transactionAsOwner: (work) => owner.use((client) => runPlainTransaction(client, work)),
    asJournal: (statement) => journal.use((client) => client.query(toQuery(statement))),
    transactionAsJournal: (work) => journal.use((client) => runPlainTransaction(client, work)),
    usage: () => ({ requests: requests.usage(), owner: owner.usage(), journal: journal.usage() }),
    close: async () => {
      await Promise.all([requests.end(), owner.end(), journal.end()])
    },
  }

  function withTimeout(caller: Caller, given: TransactionOptions = {}): TransactionOptions {
    const statementTimeout = statementTimeouts[caller.role]
    return statementTimeout === undefined ? given : { statementTimeout, ...given }
  }
}

/**
 * People count one each, whoever is at the same address; who is not signed in counts by address. The service role speaks
 * for many: it has as much as all others together, and nothing of it is ended for them.
 */
function termsOf(caller: Caller, connections: number, readOnly: boolean): LoanTerms {
  const key = shareOf(caller)
  return key === serviceShare
    ? { share: { key, weight: Math.max(1, connections / 2) }, cancellable: false }
    : { share: { key, weight: 1 }, cancellable: readOnly, gone: caller.gone }
}

async function runPlainTransaction<T>(
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
