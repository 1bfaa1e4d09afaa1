import { randomUUID } from 'node:crypto'
import type { StorageContext } from '../storage-context.ts'
import { type ByteClaim, claimFor, type Reservation } from './byte-quota.ts'

/** Holds room while `work` stores bytes, and lets go of it when that fails. Fails with `quota_exceeded`. */
export async function withRoom<T>(
  { quota }: StorageContext,
  owner: Pick<ByteClaim, 'bucket' | 'name' | 'ownerId'>,
  bytes: number,
  work: (room: Reservation | null) => Promise<T>,
): Promise<T> {
  const room = await quota.reserve(claimFor(randomUUID(), owner, bytes))
  try {
    return await work(room)
  } catch (error) {
    if (room) await quota.release(room)
    throw error
  }
}
