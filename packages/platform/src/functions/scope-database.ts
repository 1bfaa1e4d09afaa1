import type { Caller, ProjectDatabase } from '../database/index.ts'
import type { ScopedDatabase } from './define-function.ts'

/** The project's database as one caller sees it. */
export function scopeDatabase(database: ProjectDatabase, caller: Caller): ScopedDatabase {
  return {
    caller,
    query: (statement, options) => database.asCaller(caller, statement, options),
    transaction: (work, options) => database.transactionAs(caller, work, options),
  }
}
