import type { QueryResult, QueryResultRow } from 'pg'
import type { ProjectDatabase } from '../project-database.ts'
import type { Statement } from '../sql.ts'
import type { Caller } from './caller.ts'
import type { Transaction, TransactionOptions } from './run-transaction.ts'

/** The database, already scoped to one caller. */
export interface ScopedDatabase {
  readonly caller: Caller
  /** One statement in a transaction of its own: one round trip. */
  query<Row extends QueryResultRow>(
    statement: Statement,
    options?: TransactionOptions,
  ): Promise<QueryResult<Row>>
  /** Several statements in one transaction. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
}

/** The project's database as one caller sees it. */
export function scopeDatabase(database: ProjectDatabase, caller: Caller): ScopedDatabase {
  return {
    caller,
    query: (statement, options) => database.asCaller(caller, statement, options),
    transaction: (work, options) => database.transactionAs(caller, work, options),
  }
}
