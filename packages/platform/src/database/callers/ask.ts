import type { Statement } from '../sql.ts'
import type { TransactionOptions } from './run-transaction.ts'
import type { ScopedDatabase } from './scope-database.ts'

/** Runs a statement that selects one value as `answer`, and gives the value. */
export async function ask<Answer>(
  db: ScopedDatabase,
  statement: Statement,
  options?: TransactionOptions,
): Promise<Answer> {
  const { rows } = await db.query<{ answer: Answer }>(statement, options)
  return rows[0]!.answer
}
