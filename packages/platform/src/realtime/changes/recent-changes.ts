import { type CommittedTransaction, comparePositions, type RowChange } from '../../tail/index.ts'

/** A transaction in the order of this node's stream, with the changes that clients may follow. */
export interface NumberedTransaction {
  /** Counts up by one from transaction to transaction. */
  readonly sequence: number
  readonly transaction: CommittedTransaction
  readonly changes: readonly RowChange[]
}

/** The last transactions, so that who was away for a moment can go on where it was. */
export interface RecentChanges {
  add(transaction: NumberedTransaction): void
  /** Transactions after a position up to a sequence number; undefined when some of them are no longer kept. */
  after(position: string, upTo: number): readonly NumberedTransaction[] | undefined
  /** All that are kept, up to a sequence number. */
  upTo(sequence: number): readonly NumberedTransaction[]
  /** Starts over: nothing is known of what came before `position`. */
  reset(position: string | null): void
}

export function createRecentChanges(limit: number): RecentChanges {
  let kept: NumberedTransaction[] = []
  let first = 0
  let size = 0
  /** Everything after this position is kept; null before the first transaction came. */
  let known: string | null = null

  function trim(): void {
    while (size > limit && first < kept.length - 1) {
      const dropped = kept[first]!
      size -= weightOf(dropped)
      known = dropped.transaction.position
      first += 1
    }
    if (first > 1_000 && first > kept.length / 2) {
      kept = kept.slice(first)
      first = 0
    }
  }

  return {
    add: (transaction) => {
      known ??= transaction.transaction.position
      kept.push(transaction)
      size += weightOf(transaction)
      trim()
    },
    after: (position, upTo) => {
      if (known === null || comparePositions(position, known) < 0) return undefined
      let from = kept.length
      while (from > first && comparePositions(kept[from - 1]!.transaction.position, position) > 0) from -= 1
      return kept.slice(from).filter(({ sequence }) => sequence <= upTo)
    },
    upTo: (last) => kept.slice(first).filter(({ sequence }) => sequence <= last),
    reset: (position) => {
      kept = []
      first = 0
      size = 0
      known = position
    },
  }
}

/** What a kept transaction costs, counted in changes. */
const weightOf = ({ changes }: NumberedTransaction): number => 1 + changes.length
