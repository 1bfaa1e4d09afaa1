import type { Store, StoreChange } from './store.ts'

/** Entries in memory; they end with the process. */
export const createMemoryStore = (): Store => storeOf(new Map())

/** A store over entries that `keep` may write elsewhere before a change counts. */
export function storeOf(
  entries: Map<string, unknown>,
  keep: (change: StoreChange) => Promise<void> = () => Promise.resolve(),
  close: () => Promise<void> = () => Promise.resolve(),
): Store {
  let last: Promise<unknown> = Promise.resolve()

  async function write(change: StoreChange): Promise<boolean> {
    const { onlyIf } = change
    if (onlyIf && entries.get(onlyIf.key) !== onlyIf.is) return false
    const copied: StoreChange = {
      ...change,
      set: change.set?.map(([key, value]) => [key, structuredClone(value)] as const) ?? [],
    }
    await keep(copied)
    applyChange(entries, copied)
    return true
  }

  return {
    get: <T>(key: string) => Promise.resolve(structuredClone(entries.get(key)) as T | undefined),
    list: <T>(prefix: string) =>
      Promise.resolve(
        [...entries]
          .filter(([key]) => key.startsWith(prefix))
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([key, value]) => [key, structuredClone(value) as T] as const),
      ),
    write: (change) => {
      const written = last.then(() => write(change))
      last = written.catch(() => undefined)
      return written
    },
    close: async () => {
      await last
      await close()
    },
  }
}

export function applyChange(entries: Map<string, unknown>, change: StoreChange): void {
  for (const prefix of change.removePrefixes ?? [])
    for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key)
  for (const key of change.remove ?? []) entries.delete(key)
  for (const [key, value] of change.set ?? []) entries.set(key, value)
}
