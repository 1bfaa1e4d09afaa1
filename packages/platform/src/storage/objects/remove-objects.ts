import { type Caller, sql } from '../../database/index.ts'
import type { StorageContext } from '../storage-context.ts'
import { attempt } from './translate-error.ts'

const removing = { action: 'removing', operations: 'select and delete' }

/**
 * Removes objects; those that are not there, or that the caller may not remove, are left out. Gives the removed rows as
 * JSON. Their bytes stay until the retention ends.
 */
export async function removeObjects(
  storage: StorageContext,
  caller: Caller,
  bucket: string,
  names: readonly string[],
): Promise<{ readonly json: string; readonly count: number }> {
  const statement = sql`
    with removed as (
      delete from storage.objects where bucket_id = ${bucket} and name = any (${names}::text[])
      returning id, bucket_id, name, owner, owner_id, version, created_at, updated_at, last_accessed_at, metadata, user_metadata
    )
    select coalesce(json_agg(to_json(removed)), '[]')::text as json, count(*)::int as count from removed`
  const { rows } = await attempt(storage, removing, () =>
    storage.database.asCaller<{ json: string; count: number }>(caller, statement),
  )
  if (rows[0]!.count > 0) await storage.purge(names.map((name) => `${bucket}/${name}`))
  return rows[0]!
}

/** Rows that one statement removes: a transaction of a few hundred milliseconds. */
const batch = 5_000

/** Removes everything in a bucket that the caller may remove. */
export async function removeAllObjects(
  storage: StorageContext,
  caller: Caller,
  bucket: string,
): Promise<void> {
  const statement = sql`
    delete from storage.objects where id in (
      select id from storage.objects where bucket_id = ${bucket} limit ${batch})`
  let removed = batch
  while (removed === batch) {
    const { rowCount } = await attempt(storage, removing, () => storage.database.asCaller(caller, statement))
    removed = rowCount ?? 0
  }
  await storage.purge([bucket])
}
