import { isSqlError, type ProjectDatabase, sql } from '../../database/index.ts'
import { storageErrors } from '../errors.ts'
import type { ByteQuota } from './byte-quota.ts'

/**
 * Room as holds on bytes: `accountFunction` (`schema.name`) says whose pool of the kind `bytes` a file counts for. The pool's
 * limit is the system's: `plinth.set_limit('bytes', account, limit)`.
 */
export function createHoldQuota(database: ProjectDatabase, accountFunction: string): ByteQuota {
  return {
    reserve: async ({ key, bucket, name, ownerId, bytes, seconds }) => {
      // A hold is of one unit at least; what is not announced is counted when it is known.
      const units = Math.max(1, bytes)
      const statement = {
        text: `select account, case when account is not null then
            plinth.place_hold('bytes', account, $4, $5, plinth.now() + make_interval(secs => $6)) end
          from (select ${accountFunction}($1, $2, $3) as account) a`,
        values: [bucket, name, ownerId, key, units, seconds],
      }
      const { rows } = await asQuota(bytes, () => database.asOwner<{ account: string | null }>(statement))
      const account = rows[0]?.account ?? null
      return account === null ? null : { key, account }
    },
    release: async ({ key }) => {
      await database.asOwner(sql`select plinth.release_holds('bytes', array[${key}])`)
    },
  }
}

/** Says in storage's words that there is no room. */
export async function asQuota<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isSqlError(error) && /"(not_enough_units|hold_is_gone)"/.test(error.detail ?? ''))
      throw storageErrors.quota_exceeded({ bytes }, error)
    throw error
  }
}
