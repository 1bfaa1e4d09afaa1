import type pg from 'pg'
import { createPinnedClient, databaseErrors, liftTransactionTimeout } from '../../database/index.ts'
import { erasureLock } from '../../journal/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'

/**
 * A connection of the owner's for backups. While it is open nobody is erased: values that were read from rows would
 * otherwise be sealed under a new key after their person's was destroyed.
 */
export interface TakeSession {
  readonly client: pg.Client
  /** Runs `work` while no other backup of the tenant is taken, on any node. Fails with `backup_busy`. */
  alone<T>(tenant: string, work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export async function openTakeSession({ database }: BackupContext): Promise<TakeSession> {
  const client = createPinnedClient(database.addresses.ownerDirect, `plinth backup ${database.system}`)
  try {
    await client.connect()
    await liftTransactionTimeout(client)
    await client.query('select pg_catalog.pg_advisory_lock_shared($1)', [erasureLock])
  } catch (cause) {
    await client.end().catch(() => undefined)
    throw databaseErrors.database_unavailable({}, cause)
  }
  return {
    client,
    alone: async (tenant, work) => {
      const name = `plinth backup ${tenant}`
      const { rows } = await client.query<{ alone: boolean }>(
        'select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0)) as alone',
        [name],
      )
      if (!rows[0]!.alone) throw backupErrors.backup_busy({ tenant })
      try {
        return await work()
      } finally {
        await client
          .query('select pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended($1, 0))', [name])
          .catch(() => undefined)
      }
    },
    close: () => client.end().catch(() => undefined),
  }
}
