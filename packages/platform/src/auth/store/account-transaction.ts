import pg, { type QueryResult } from 'pg'
import {
  type Actor,
  actorStatement,
  type ProjectDatabase,
  type Statement,
  sql,
  type Transaction,
} from '../../database/index.ts'
import { authErrors } from '../errors.ts'
import type { UserRow } from '../users/user-row.ts'

/**
 * Runs statements on accounts in one transaction, triggers of the system included, so that either all of it is
 * stored or nothing; `inspect` sees the account that the last statement gave before it is committed, and may still fail.
 * The statements are sent without waiting in between. The journal learns who did it. Fails with `email_exists`, with `conflict` for an
 * id that is taken, or, for whatever a trigger or constraint of the system refused, with `unexpected_failure`
 * saying `failure`.
 */
export async function accountTransaction<T>(
  database: ProjectDatabase,
  actor: Actor,
  failure: string,
  statements: readonly Statement[],
  inspect: (account: UserRow | undefined) => T,
): Promise<T> {
  try {
    return await database.transactionAsOwner(async (transaction) => {
      const opening = [limit, actorStatement(database.actors, actor)]
      const results = await sendAll(transaction, [...opening, ...statements])
      return inspect(results.at(-1)?.rows[0])
    })
  } catch (error) {
    throw explainFailure(error, failure)
  }
}

/** As {@link accountTransaction}, for work that reads before it decides. What it throws rolls everything back. */
export async function workOnAccounts<T>(
  database: ProjectDatabase,
  actor: Actor,
  failure: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await database.transactionAsOwner(async (transaction) => {
      await sendAll(transaction, [limit, actorStatement(database.actors, actor)])
      return work(transaction)
    })
  } catch (error) {
    throw explainFailure(error, failure)
  }
}

/** Sends statements without waiting in between; the result of the last. */
export async function runAll(transaction: Transaction, statements: readonly Statement[]) {
  return (await sendAll(transaction, statements)).at(-1)
}

/** The first failure is the cause; those behind it only say that the transaction is over. */
async function sendAll(
  transaction: Transaction,
  statements: readonly Statement[],
): Promise<QueryResult<UserRow>[]> {
  const sent = statements.map((statement) => transaction.query<UserRow>(statement))
  const outcomes = await Promise.allSettled(sent)
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

/** What a failed statement on accounts means to the caller; everything else is given back as it is. */
export function explainFailure(error: unknown, failure: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error
  if (error.schema === 'auth' && error.table === 'users' && error.code === uniqueViolation) {
    if (error.constraint === 'users_email_partial_key') return authErrors.email_exists({}, error)
    if (error.constraint === 'users_phone_key') return authErrors.phone_exists({}, error)
    if (error.constraint === 'users_pkey') {
      return authErrors.conflict({ problem: 'A user with this id already exists' }, error)
    }
  }
  return authErrors.unexpected_failure({ problem: failure }, error)
}

const uniqueViolation = '23505'

/** Longest that one statement may take, triggers and waiting for locks included: as long as a request's may. */
const longestStatement = '15s'

const limit = sql`select pg_catalog.set_config('statement_timeout', ${longestStatement}, true)`
