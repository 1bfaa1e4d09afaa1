/** What one write of a store does: prefixes are emptied first, then keys removed, then entries set. */
export interface StoreChange {
  readonly removePrefixes?: readonly string[]
  readonly remove?: readonly string[]
  readonly set?: readonly (readonly [key: string, value: unknown])[]
  /** Nothing is written unless this entry has exactly this text as its value now. */
  readonly onlyIf?: { readonly key: string; readonly is: string }
}

/**
 * Where things are kept across restarts: IndexedDB in browsers, a file or memory in Node. Values are what JSON can hold.
 * Tabs and processes that open the same store see each other's entries.
 */
export interface Store {
  get<T>(key: string): Promise<T | undefined>
  /** Entries whose key begins with the prefix, in the order of their keys. */
  list<T>(prefix: string): Promise<readonly (readonly [key: string, value: T])[]>
  /** All of it or nothing, and on disk when it resolves; false when `onlyIf` did not hold. */
  write(change: StoreChange): Promise<boolean>
  close(): Promise<void>
}

/** The first text behind all texts that begin with the prefix. */
export const endOfPrefix = (prefix: string): string => `${prefix}\uffff`
