import type { StorageContext } from '../storage-context.ts'
import { removeUpload } from './remove-upload.ts'
import { listExpired } from './upload-rows.ts'

/** Removes resumable uploads whose time is over, with what came of them. Gives how many. */
export async function expireUploads(storage: StorageContext): Promise<number> {
  const expired = await listExpired(storage.database, storage.clock.now())
  for (const id of expired) await removeUpload(storage, id)
  return expired.length
}
