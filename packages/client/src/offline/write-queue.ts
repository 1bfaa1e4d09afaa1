import type { Locks } from '../store/locks.ts'
import type { StoreChange } from '../store/store.ts'
import type { QueuedWrite } from './queued-write.ts'
import type { UserStore } from './user-store.ts'

/** The writes of one user that are not sent yet, on the device before anything else happens with them. */
export interface WriteQueue {
  /** As this tab knows them, in order. */
  readonly writes: readonly QueuedWrite[]
  /** Reads them anew: another tab has changed them. */
  load(): Promise<void>
  /** Changes them as they are in the store, with what else belongs to the change; resolves when it is on the device. */
  edit(change: (writes: readonly QueuedWrite[]) => Edited): Promise<void>
}

export interface Edited {
  readonly writes: readonly QueuedWrite[]
  /** Entries that only matter while the user is signed in. */
  readonly also?: StoreChange['set']
}

/** Edits of all tabs go one after the other, each from what the one before has left. */
export function createWriteQueue(store: UserStore, locks: Locks, lock: string): WriteQueue {
  let writes: readonly QueuedWrite[] = []
  const read = async () => (await store.list<QueuedWrite>(store.writePrefix)).map(([, write]) => write)
  const keyOf = ({ sequence }: QueuedWrite): string =>
    `${store.writePrefix}${String(sequence).padStart(12, '0')}`

  return {
    get writes() {
      return writes
    },
    load: () =>
      locks.hold(lock, async () => {
        writes = await read()
      }),
    edit: (change) =>
      locks.hold(lock, async () => {
        const before = await read()
        const { writes: after, also = [] } = change(before)
        const known = new Set(before)
        const staying = new Set(after.map(keyOf))
        const signedIn = also.length > 0 && (await store.isPresent()) ? also : []
        await store.write({
          remove: before.map(keyOf).filter((key) => !staying.has(key)),
          set: [
            ...after.filter((write) => !known.has(write)).map((write) => [keyOf(write), write] as const),
            ...signedIn,
          ],
        })
        writes = after
      }),
  }
}
