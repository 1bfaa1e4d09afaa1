import { comparePositions, type RowChange } from '../../tail/index.ts'
import type { KeptTransaction, StreamChunk, StreamTransaction } from './stream-transaction.ts'
import { isInSnapshot } from './watch/read-snapshot.ts'

/** The last transactions, so that who was away for a moment can go on where it was. */
export interface RecentChanges {
  add(chunk: StreamChunk): void
  /** Transactions after a position up to a sequence number; undefined when some of them are not kept as a whole. */
  after(position: string, upTo: number): readonly KeptTransaction[] | undefined
  /**
   * Transactions up to a sequence number that a snapshot does not show, although they came by before it was read;
   * undefined when one of them is not kept as a whole.
   */
  missingIn(snapshot: string, upTo: number): readonly KeptTransaction[] | undefined
  /** The sequence number of the first transaction that is kept, for who keeps something as long. */
  firstSequence(): number
  /** Starts over: nothing is known of what came before `position`. */
  reset(position: string | null): void
}

interface Kept extends KeptTransaction {
  readonly changes: RowChange[]
  readonly truncated: number[]
  bytes: number
  /** False as long as chunks of it are to come. */
  isWhole: boolean
}

/** A transaction becomes visible a moment after it came by: so many of those that were dropped are remembered by id. */
const rememberedIds = 1_000

/** Keeps transactions of up to so many bytes, whoever listens; one that is larger than that is not kept at all. */
export function createRecentChanges(mostBytes: number): RecentChanges {
  let kept: Kept[] = []
  let bytes = 0
  let dropped: { readonly xid: number; readonly sequence: number }[] = []
  /** Everything after this position is kept; null before the first transaction came. */
  let known: string | null = null

  function drop({
    xid,
    sequence,
    position,
    bytes: freed,
  }: StreamTransaction & { readonly bytes: number }): void {
    bytes -= freed
    known = position
    if (dropped.at(-1)?.sequence !== sequence) dropped.push({ xid, sequence })
    if (dropped.length > 2 * rememberedIds) dropped = dropped.slice(-rememberedIds)
  }

  /** The transaction that a chunk belongs to; undefined when its beginning is not kept. */
  function placeOf({ transaction }: StreamChunk): Kept | undefined {
    const last = kept.at(-1)
    if (last?.sequence === transaction.sequence) return last
    if (dropped.at(-1)?.sequence === transaction.sequence) return undefined
    const begun: Kept = { ...transaction, changes: [], truncated: [], bytes: 0, isWhole: false }
    kept.push(begun)
    return begun
  }

  return {
    add: (chunk) => {
      known ??= chunk.transaction.position
      if (chunk.isTorn) drop({ ...chunk.transaction, bytes: 0 })
      const place = placeOf(chunk)
      if (!place) return
      for (const change of chunk.changes) place.changes.push(change)
      place.truncated.push(...chunk.truncated)
      place.bytes += chunk.bytes
      place.isWhole = chunk.isLast
      bytes += chunk.bytes
      while (bytes > mostBytes && kept.length > 0) drop(kept.shift()!)
    },
    after: (position, upTo) => {
      if (known === null || comparePositions(position, known) < 0) return undefined
      let from = kept.length
      while (from > 0 && comparePositions(kept[from - 1]!.position, position) > 0) from -= 1
      const found = kept.slice(from).filter(({ sequence }) => sequence <= upTo)
      return found.every(({ isWhole }) => isWhole) ? found : undefined
    },
    missingIn: (snapshot, upTo) => {
      const isMissing = ({ xid, sequence }: { readonly xid: number; readonly sequence: number }) =>
        sequence <= upTo && !isInSnapshot(snapshot, xid)
      const found = kept.filter(isMissing)
      return dropped.some(isMissing) || found.some(({ isWhole }) => !isWhole) ? undefined : found
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
