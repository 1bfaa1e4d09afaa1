import { storageErrors } from '../errors.ts'
import { decodePath } from '../names/names.ts'
import { pathAfter, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'

/** Tells the CDN to forget a bucket or an object; only the service role may. */
export const purgeCache = (storage: StorageContext) => async (c: StorageCall) => {
  if (c.var.caller.role !== 'service_role')
    throw storageErrors.storage_access_denied({
      action: 'purging caches',
      table: 'objects',
      operations: 'nobody but the service role',
    })
  const path = decodePath(pathAfter(c, '/cdn/'))
  await storage.images.clear()
  await storage.purge([path])
  return c.json({ message: 'success' })
}
