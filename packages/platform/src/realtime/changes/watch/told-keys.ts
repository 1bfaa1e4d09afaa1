/**
 * The keys of the rows that copies of one view may hold, as JSON texts. It may have more than a copy holds, never less:
 * so whatever leaves the view is told, also to a copy that was shown it under rights that are gone.
 */
export interface ToldKeys {
  /** Names this sequence of copies: tokens of an earlier one do not resume. */
  readonly epoch: string
  /** Sequence number of the last transaction that was applied. */
  appliedUpTo: number
  /** How many are held. */
  size(): number
  held(): Iterable<string>
  isHeld(key: string): boolean
  /** True for what is held, or was removed by a transaction that a resuming client may still have to be told of. */
  mayBeHeld(key: string): boolean
  add(key: string): void
  remove(key: string, sequence: number): void
  /** Forgets what was removed by transactions before this one, and before those that somebody is still brought past. */
  prune(firstSequence: number): void
  /** Keeps what was removed by this transaction and later ones until the function that it gives is called. */
  pin(sequence: number): () => void
}

export function createToldKeys(epoch: string, keys: Iterable<string> = []): ToldKeys {
  const held = new Set(keys)
  const removed = new Map<string, number>()
  const pins = new Set<{ readonly sequence: number }>()
  return {
    epoch,
    appliedUpTo: 0,
    size: () => held.size,
    held: () => held,
    isHeld: (key) => held.has(key),
    mayBeHeld: (key) => held.has(key) || removed.has(key),
    add: (key) => {
      removed.delete(key)
      held.add(key)
    },
    remove: (key, sequence) => {
      held.delete(key)
      removed.set(key, sequence)
    },
    prune: (firstSequence) => {
      const first = Math.min(firstSequence, ...[...pins].map(({ sequence }) => sequence))
      for (const [key, sequence] of removed) if (sequence < first) removed.delete(key)
    },
    pin: (sequence) => {
      const pin = { sequence }
      pins.add(pin)
      return () => pins.delete(pin)
    },
  }
}
