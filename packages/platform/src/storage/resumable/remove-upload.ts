import type { StorageContext } from '../storage-context.ts'
import { deleteUpload, readUpload } from './upload-rows.ts'

/** Forgets an upload; an object that was made of it stays. Succeeds also when there is none. */
export async function removeUpload(storage: StorageContext, id: string): Promise<void> {
  const { database, vault, quota } = storage
  const upload = await readUpload(database, id)
  if (!upload) return
  await vault.store.partials.remove(id)
  if (!upload.finishedAt && upload.account) await quota.release({ key: id, account: upload.account })
  await deleteUpload(database, id)
}
