import type { ProjectDatabase } from '../project-database.ts'
import { sql } from '../sql.ts'
import type { Caller } from './caller.ts'
import type { Transaction } from './run-transaction.ts'

/**
 * The platform's own statements as the owner, in one transaction, on behalf of somebody: triggers that note who did it
 * read the caller's claims (`auth.jwt()`). Null: the operator. Policies do not apply; what the caller may is for the
 * calling code to say.
 */
export const transactionFor = <T>(
  database: ProjectDatabase,
  by: Caller | null,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> =>
  database.transactionAsOwner(async (transaction) => {
    const claims = JSON.stringify(by?.claims ?? {})
    await transaction.query(sql`select pg_catalog.set_config('request.jwt.claims', ${claims}, true)`)
    return work(transaction)
  })
