import type { ScopedDatabase, Statement, TransactionOptions } from '@plinth/platform/database'
import { withShopErrors } from '../errors.ts'

/** Runs a statement that selects one value as `answer`, and gives the value. Fails with a code of `shopErrors`. */
export async function ask<Answer>(
  db: ScopedDatabase,
  statement: Statement,
  options?: TransactionOptions,
): Promise<Answer> {
  const { rows } = await withShopErrors(db.query<{ answer: Answer }>(statement, options))
  return rows[0]!.answer
}
