import { comparePositions } from '../../tail/index.ts'
import type { StreamTransaction } from './stream-transaction.ts'
import { isInSnapshot } from './watch/read-snapshot.ts'

/** The last transactions, so that who was away for a moment can go on where it was. */
export interface RecentChanges {
  add(transaction: StreamTransaction): void
  /** Transactions after a position up to a sequence number; undefined when some of them are no longer kept. */
  after(position: string, upTo: number): readonly StreamTransaction[] | undefined
  /**
   * Transactions up to a sequence number that a snapshot does not show, although they came by before it was read;
   * undefined when one of them is no longer kept.
   */
  missingIn(snapshot: string, upTo: number): readonly StreamTransaction[] | undefined
  /** The sequence number of the first transaction that is kept, for who keeps something as long. */
  firstSequence(): number
  /** Starts over: nothing is known of what came before `position`. */
  reset(position: string | null): void
}

/** A transaction becomes visible a moment after it came by: so many of those that were dropped are remembered by id. */
const rememberedIds = 1_000

/** Keeps transactions of up to so many bytes, whoever listens. */
export function createRecentChanges(mostBytes: number): RecentChanges {
  let kept: StreamTransaction[] = []
  let bytes = 0
  let dropped: { readonly xid: number; readonly sequence: number }[] = []
  /** Everything after this position is kept; null before the first transaction came. */
  let known: string | null = null

  function drop({ xid, sequence, position, bytes: freed }: StreamTransaction): void {
    bytes -= freed
    known = position
    dropped.push({ xid, sequence })
    if (dropped.length > 2 * rememberedIds) dropped = dropped.slice(-rememberedIds)
  }

  return {
    add: (transaction) => {
      known ??= transaction.position
      kept.push(transaction)
      bytes += transaction.bytes
      while (bytes > mostBytes && kept.length > 0) drop(kept.shift()!)
    },
    after: (position, upTo) => {
      if (known === null || comparePositions(position, known) < 0) return undefined
      let from = kept.length
      while (from > 0 && comparePositions(kept[from - 1]!.position, position) > 0) from -= 1
      return kept.slice(from).filter(({ sequence }) => sequence <= upTo)
    },
    missingIn: (snapshot, upTo) => {
      const isMissing = ({ xid, sequence }: { readonly xid: number; readonly sequence: number }) =>
        sequence <= upTo && !isInSnapshot(snapshot, xid)
      return dropped.some(isMissing) ? undefined : kept.filter(isMissing)
    },
    firstSequence: () => kept[0]?.sequence ?? Number.POSITIVE_INFINITY,
    reset: (position) => {
      kept = []
      dropped = []
      bytes = 0
      known = position
    },
  }
}
