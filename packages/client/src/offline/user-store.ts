import type { Store, StoreChange } from '../store/store.ts'

/** One user's part of a store. Of several users that use a device, one has copies there: who signed in last. */
export interface UserStore {
  readonly user: string
  readonly writePrefix: string
  readonly settledPrefix: string
  copyPrefix(table: string): string
  /** True while it is this user who signed in last, and has not signed out. */
  isPresent(): Promise<boolean>
  get<T>(key: string): Promise<T | undefined>
  list<T>(prefix: string): Promise<readonly (readonly [key: string, value: T])[]>
  write(change: StoreChange): Promise<void>
  /** Writes what was read from the server, unless somebody else has signed in, or nobody is signed in any more. */
  writeCopy(change: StoreChange): Promise<void>
}

/** Whose copies the store has. */
const present = 'user'
/** Everything that was read from the server for somebody: it goes when they sign out. */
const readPrefixes = ['copy/', 'settled/', 'cache/']

export function userStoreOf(store: Store, user: string): UserStore {
  const name = encodeURIComponent(user)
  return {
    user,
    writePrefix: `write/${name}/`,
    settledPrefix: `settled/${name}/`,
    copyPrefix: (table) => `copy/${name}/${encodeURIComponent(table)}/`,
    isPresent: async () => (await store.get(present)) === user,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    write: async (change) => void (await store.write(change)),
    writeCopy: async (change) => void (await store.write({ ...change, onlyIf: { key: present, is: user } })),
  }
}

/** Makes the store this user's: what another one has read is gone when it resolves. */
export async function admitUser(store: Store, user: string): Promise<void> {
  if ((await store.get(present)) === user) return
  await store.write({ removePrefixes: readPrefixes, set: [[present, user]] })
}

/** Removes everything that was read for whoever was there; with `user`, also what that one has not sent. */
export async function forgetUser(store: Store, user?: string): Promise<void> {
  const own = user === undefined ? [] : [`write/${encodeURIComponent(user)}/`]
  await store.write({ removePrefixes: [...readPrefixes, ...own], remove: [present] })
}
