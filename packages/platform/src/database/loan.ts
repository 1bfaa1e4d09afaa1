import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { cancelStatement } from './cancel-statement.ts'

/** A connection lent to one reading transaction, which may be ended from outside while it runs. */
export interface Loan {
  /** Why it was ended, once it was. */
  readonly reason: Error | undefined
  /** The connection is there and works from now on. Throws the reason when it was ended before. */
  begin(client: pg.PoolClient): void
  /** Ends what runs, or what is about to. Only the first reason counts. */
  cancel(reason: Error): void
  /** Waits until nothing can hit the connection any more. False when it must not be used again. */
  end(): Promise<boolean>
}

/**
 * How long after a cancel request the next one follows: the first may have come before the statement, and SQL may catch
 * one. Milliseconds.
 */
const again = 500

export function createLoan(): Loan {
  const over = Promise.withResolvers<void>()
  let working = true
  let client: pg.PoolClient | undefined
  let reason: Error | undefined
  let cancelling: Promise<boolean> | undefined

  return {
    get reason() {
      return reason
    },
    begin: (lent) => {
      if (reason) throw reason
      client = lent
    },
    cancel: (why) => {
      if (reason || !working) return
      reason = why
      if (client) cancelling = insist(client)
    },
    end: async () => {
      working = false
      over.resolve()
      if (!cancelling || !client) return true
      return (await cancelling) && cleanUp(client)
    },
  }

  async function insist(running: pg.PoolClient): Promise<boolean> {
    while (await cancelStatement(running)) {
      if (working) await Promise.race([over.promise, delay(again, undefined, { ref: false })])
      if (!working) return true
    }
    return false
  }
}

/** The cancel may have hit the reset that ends a transaction, and left settings of the request in the session. */
async function cleanUp(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('rollback; reset all; discard temp')
    return true
  } catch {
    return false
  }
}
