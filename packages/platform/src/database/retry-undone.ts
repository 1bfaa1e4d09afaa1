import { hasCode } from '../kernel/index.ts'
import { databaseErrors } from './errors.ts'

/** SQLSTATE of a transaction that PostgreSQL sacrificed to end a deadlock; it did nothing, so it may be sent again. */
const deadlock = '40P01'
/** SQLSTATE of a prepared statement that SQL took away (`deallocate all` in a function): the transaction did not commit. */
export const statementGone = '26000'
const isUndone = (error: unknown) => hasCode(error, deadlock) || hasCode(error, statementGone)
const attempts = 4

/**
 * One statement is its whole transaction, so one that did nothing may be repeated: callers never see that two of them
 * collided, nor that a long read was ended once because others waited.
 */
export async function retryUndone<T>(run: () => Promise<T>): Promise<T> {
  let ended = false
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const endedNow = hasCode(error, databaseErrors.share_exceeded.code)
      if (endedNow ? ended : attempt === attempts || !isUndone(error)) throw error
      ended ||= endedNow
    }
  }
}
