import pg from 'pg'
import {
  type Actor,
  actorStatement,
  createPinnedClient,
  databaseErrors,
  liftTransactionTimeout,
  type ProjectDatabase,
  toQuery,
} from '../../database/index.ts'
import { erasureLock } from '../../journal/index.ts'
import { hasCode, messageOf } from '../../kernel/index.ts'
import { isBusy, makeRoom, switchTriggersOff } from '../../rewind/index.ts'
import { backupErrors } from '../errors.ts'

export interface RestoreTransactionOptions {
  readonly database: ProjectDatabase
  /** Whose rows are restored. */
  readonly tenant: string
  /** Null for a look: nothing is switched off, and nobody else is kept from the tenant. */
  readonly actor: Actor | null
}

/**
 * From here on the owner's functions (in checks, indexes, hooks) find what they do not qualify as in a request. Names of types
 * are read before: they would lack their schema.
 */
export async function enterRequestPath(client: pg.Client): Promise<void> {
  await client.query('set local search_path = public, extensions')
}

/**
 * Runs `work` in a transaction of the owner's that is rolled back unless `work` commits it. With an actor triggers are off,
 * and no other restore or rewind of the tenant runs. Nobody is erased meanwhile. Fails with `backup_busy`,
 * `backup_conflict`, `backup_orphans` or `rewind_not_permitted`.
 */
export async function withRestoreTransaction<T>(
  { database, tenant, actor }: RestoreTransactionOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = createPinnedClient(database.addresses.ownerDirect, `plinth restore ${database.system}`)
  try {
    await client.connect()
    await liftTransactionTimeout(client)
  } catch (cause) {
    await client.end().catch(() => undefined)
    throw databaseErrors.database_unavailable({}, cause)
  }
  try {
    await client.query('begin')
    await client.query('select pg_catalog.pg_advisory_xact_lock_shared($1)', [erasureLock])
    if (actor) await beginChanges(client, database, tenant, actor)
    await client.query('set local row_security = off')
    await makeRoom(client)
    return await work(client)
  } catch (error) {
    throw explain(error, tenant)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function beginChanges(
  client: pg.Client,
  database: ProjectDatabase,
  tenant: string,
  actor: Actor,
): Promise<void> {
  await switchTriggersOff(client, database)
  await client.query(toQuery(actorStatement(database.actors, actor)))
  // The same lock as a rewind's: the two exclude each other.
  const { rows } = await client.query<{ alone: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('plinth rewind ' || $1, 0)) as alone`,
    [tenant],
  )
  if (!rows[0]!.alone) throw backupErrors.backup_busy({ tenant })
}

/** SQLSTATE class 23: a unique, exclusion, not-null or check constraint. */
function explain(error: unknown, tenant: string): unknown {
  if (isBusy(error)) return backupErrors.backup_busy({ tenant }, error)
  if (hasCode(error, 'rewind_orphans'))
    return backupErrors.backup_orphans((error as { details?: Record<string, unknown> }).details ?? {}, error)
  if (hasCode(error, 'rewind_conflict'))
    return backupErrors.backup_conflict({ problem: messageOf(error) }, error)
  if (error instanceof pg.DatabaseError && error.code?.startsWith('23'))
    return backupErrors.backup_conflict({ problem: error.detail ?? error.message }, error)
  return error
}
