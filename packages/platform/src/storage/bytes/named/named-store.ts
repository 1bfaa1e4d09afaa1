import type { Readable } from 'node:stream'

/** Bytes under names that say what they are, with folders by `/`: what is found without a database. */
export interface NamedStore {
  /**
   * Takes bytes in to their end, durably, and makes them findable all at once; what had the name is replaced. When the
   * source fails, nothing of it stays and its error is thrown. Gives how many bytes came.
   */
  put(name: string, source: AsyncIterable<Uint8Array>): Promise<number>
  /** Undefined when there is nothing. */
  get(name: string): Promise<Readable | undefined>
  /** Everything whose name begins with `prefix`, in no order. */
  list(prefix: string): AsyncIterable<NamedBytes>
  /** Succeeds also when there is nothing. */
  remove(name: string): Promise<void>
}

export interface NamedBytes {
  readonly name: string
  readonly size: number
  readonly modifiedAt: Date
}

/** Parts of letters, digits and `._+=@-` that do not begin with a dot, joined by `/`. */
export const isStoreName = (name: string): boolean =>
  name.length <= 700 && name.split('/').every((part) => /^[A-Za-z0-9_+=@-][A-Za-z0-9._+=@-]*$/.test(part))
