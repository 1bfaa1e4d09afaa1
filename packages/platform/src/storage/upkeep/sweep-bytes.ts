import { sql } from '../../database/index.ts'
import type { StorageContext } from '../storage-context.ts'

/** Hours for which bytes that nothing names are kept: longer than any upload takes to write its row. */
export const graceHours = 24
const batch = 200

export interface SweepOptions {
  /** Hours of {@link graceHours}; 0 removes at once what nothing names. */
  readonly grace?: number
}

export interface Swept {
  /** Entries of the history whose retention is over. */
  readonly forgotten: number
  /** Bytes that were removed, by how many they were. */
  readonly removed: number
}

/**
 * Forgets what the retention no longer keeps, and removes bytes that nothing names any more: no object, no object of
 * before, and no upload that is under way. Safe to run beside uploads and beside itself.
 */
export async function sweepBytes(
  storage: StorageContext,
  { grace = graceHours }: SweepOptions = {},
): Promise<Swept> {
  const forgotten = await forgetHistory(storage)
  await forgetVersions(storage, grace)
  let removed = 0
  for (;;) {
    const taken = await removeBatch(storage, grace)
    removed += taken
    if (taken < batch) return { forgotten, removed }
  }
}

async function forgetHistory({ database, clock, settings }: StorageContext): Promise<number> {
  const oldest = new Date(clock.now().getTime() - settings.retentionDays * 86_400_000)
  const { rowCount } = await database.asOwner(
    sql`delete from plinth.storage_history where changed_at <= ${oldest}`,
  )
  return rowCount ?? 0
}

/** A version that never became an object gives its room back. */
function forgetVersions({ database }: StorageContext, grace: number): Promise<void> {
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ version: string }>(sql`
      select v.version from plinth.storage_versions v
      where v.created_at < clock_timestamp() - make_interval(hours => ${grace})
        and not exists (select from storage.objects o where o.version = v.version)
        and not exists (select from plinth.storage_history h where h.before_version = v.version)
        and not exists (select from plinth.storage_uploads u where u.version = v.version and u.finished_at is null)
      for update skip locked`)
    const versions = rows.map(({ version }) => version)
    await transaction.query(sql`select plinth.return_room(${versions}::text[])`)
    await transaction.query(
      sql`delete from plinth.storage_versions where version = any (${versions}::text[])`,
    )
  })
}

/**
 * The rows go first and are locked until the bytes are gone: an upload that claims the same bytes meanwhile waits, and then
 * makes row and bytes anew; one that has claimed them already makes the removal fail before a byte is touched.
 */
function removeBatch({ database, vault }: StorageContext, grace: number): Promise<number> {
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ id: string }>(sql`
      delete from plinth.storage_blobs where id in (
        select id from plinth.storage_blobs b
        where b.claimed_at < clock_timestamp() - make_interval(hours => ${grace})
          and not exists (select from plinth.storage_versions v where v.blob = b.id)
        limit ${batch} for update skip locked)
      returning id`)
    for (const { id } of rows) await vault.store.remove(id)
    return rows.length
  })
}
