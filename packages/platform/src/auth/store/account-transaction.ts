import pg from 'pg'
import {
  type Actor,
  actorMessagePrefix,
  type ProjectDatabase,
  type Statement,
  sql,
  type Transaction,
} from '../../database/index.ts'
import { authErrors } from '../errors.ts'

/**
 * Runs statements on accounts in one transaction, triggers of the system included, so that either all of it is
 * stored or nothing. The journal learns who did it. Fails with `email_exists`, with `conflict` for an id that is
 * taken, or, for whatever a trigger or constraint of the system refused, with `unexpected_failure` saying `failure`.
 */
export async function accountTransaction<T>(
  database: ProjectDatabase,
  actor: Actor,
  failure: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await database.transactionAsOwner(async (transaction) => {
      const [, result] = await Promise.all([transaction.query(actorMessage(actor)), work(transaction)])
      return result
    })
  } catch (error) {
    throw explainFailure(error, failure)
  }
}

/** What a failed statement on accounts means to the caller; everything else is given back as it is. */
export function explainFailure(error: unknown, failure: string): unknown {
  if (!(error instanceof pg.DatabaseError)) return error
  if (error.schema === 'auth' && error.table === 'users' && error.code === uniqueViolation) {
    if (error.constraint === 'users_email_partial_key') return authErrors.email_exists({}, error)
    if (error.constraint === 'users_pkey') {
      return authErrors.conflict({ problem: 'A user with this id already exists' }, error)
    }
  }
  return authErrors.unexpected_failure({ problem: failure }, error)
}

const uniqueViolation = '23505'

const actorMessage = (actor: Actor): Statement =>
  sql`select pg_logical_emit_message(true, ${actorMessagePrefix}, ${JSON.stringify(actor)})`
