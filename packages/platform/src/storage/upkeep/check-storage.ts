import { sql } from '../../database/index.ts'
import type { HealthStatus } from '../../http/index.ts'
import type { StorageContext } from '../storage-context.ts'

/** Degraded while the reconciler knows of files without their bytes. */
export async function checkStorage({ database }: StorageContext): Promise<HealthStatus> {
  const { rows } = await database.asOwner<{ missing: number }>(
    sql`select count(*)::int as missing from plinth.storage_blobs where missing_since is not null`,
  )
  const { missing } = rows[0]!
  return missing === 0 ? { status: 'ok' } : { status: 'degraded', detail: { missing } }
}
