import { endOfPrefix, type Store, type StoreChange } from './store.ts'

/*
 * What is used of IndexedDB. The types of browsers are not among those of this code, which also runs in Node.
 */
interface IdbRequest<T> {
  readonly result: T
  readonly error: Error | null
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
interface IdbEntries {
  get(key: string): IdbRequest<unknown>
  getAll(range: object): IdbRequest<unknown[]>
  getAllKeys(range: object): IdbRequest<unknown[]>
  put(value: unknown, key: string): void
  delete(key: string | object): void
}
interface IdbTransaction {
  readonly error: Error | null
  oncomplete: (() => void) | null
  onabort: (() => void) | null
  objectStore(name: string): IdbEntries
}
interface IdbDatabase {
  onclose: (() => void) | null
  onversionchange: (() => void) | null
  transaction(name: string, mode: IdbMode, options: { readonly durability: 'strict' }): IdbTransaction
  createObjectStore(name: string): void
  close(): void
}
type IdbMode = 'readonly' | 'readwrite'
interface Idb {
  readonly indexedDB: {
    open(name: string, version: number): IdbRequest<IdbDatabase> & { onupgradeneeded: (() => void) | null }
  }
  readonly IDBKeyRange: { bound(lower: string, upper: string): object }
}
const idb = globalThis as unknown as Idb

/** False in Node. */
export const hasIndexedDb = (): boolean => idb.indexedDB !== undefined

const table = 'entries'

/** Entries in the browser's IndexedDB, shared by the tabs of one origin. The name is the database's. */
export function createIndexedDbStore(name: string): Store {
  let opening: Promise<IdbDatabase> | undefined

  /** Opened again after the browser closed it, as it does when storage is cleared. */
  function database(): Promise<IdbDatabase> {
    opening ??= open(name, () => {
      opening = undefined
    })
    return opening
  }

  async function transaction<T>(mode: IdbMode, work: (entries: IdbEntries) => Promise<T>): Promise<T> {
    const begun = (await database()).transaction(table, mode, { durability: 'strict' })
    const done = new Promise<void>((resolve, reject) => {
      begun.oncomplete = () => resolve()
      begun.onabort = () => reject(begun.error ?? new Error('IndexedDB aborted a transaction.'))
    })
    const [value] = await Promise.all([work(begun.objectStore(table)), done])
    return value
  }

  async function write(entries: IdbEntries, change: StoreChange): Promise<boolean> {
    const { onlyIf } = change
    if (onlyIf && (await answerOf(entries.get(onlyIf.key))) !== onlyIf.is) return false
    for (const prefix of change.removePrefixes ?? []) entries.delete(rangeOf(prefix))
    for (const key of change.remove ?? []) entries.delete(key)
    for (const [key, value] of change.set ?? []) entries.put(value, key)
    return true
  }

  return {
    get: <T>(key: string) =>
      transaction('readonly', (entries) => answerOf(entries.get(key)) as Promise<T | undefined>),
    list: <T>(prefix: string) =>
      transaction('readonly', async (entries) => {
        const [keys, values] = await Promise.all([
          answerOf(entries.getAllKeys(rangeOf(prefix))),
          answerOf(entries.getAll(rangeOf(prefix))) as Promise<T[]>,
        ])
        return keys.map((key, index) => [String(key), values[index]!] as const)
      }),
    write: (change) => transaction('readwrite', (entries) => write(entries, change)),
    close: async () => {
      const open = await opening?.catch(() => undefined)
      opening = undefined
      open?.close()
    },
  }
}

const rangeOf = (prefix: string): object => idb.IDBKeyRange.bound(prefix, endOfPrefix(prefix))

function open(name: string, closed: () => void): Promise<IdbDatabase> {
  const request = idb.indexedDB.open(name, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(table)
  return answerOf(request).then(
    (database) => {
      database.onclose = closed
      database.onversionchange = () => {
        database.close()
        closed()
      }
      return database
    },
    (error: unknown) => {
      closed()
      throw error
    },
  )
}

const answerOf = <T>(request: IdbRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB refused a request.'))
  })
