import type { CommittedTransaction, RowChange } from '../../tail/index.ts'

/** A committed transaction as realtime uses it, in the order of this node's stream. */
export interface StreamTransaction {
  /** Counts up by one from transaction to transaction. */
  readonly sequence: number
  /** `X/Y`; clients resume after it. */
  readonly position: string
  readonly xid: number
  /** ISO 8601 with microseconds, UTC. */
  readonly committedAt: string
  readonly changes: readonly RowChange[]
  /** OIDs of tables that it emptied. */
  readonly truncated: readonly number[]
  readonly messages: CommittedTransaction['messages']
  /** About so many bytes of memory. */
  readonly bytes: number
}

/** The only place in this folder that knows the form in which the tail delivers. */
export function readTransaction(sequence: number, committed: CommittedTransaction): StreamTransaction {
  const { position, xid, committedAt, changes, truncated, messages } = committed
  return {
    sequence,
    position,
    xid,
    committedAt,
    changes,
    truncated: truncated.map(({ oid }) => oid),
    messages,
    bytes: changes.reduce((sum, change) => sum + bytesOf(change), fixedBytes),
  }
}

/** A transaction, a change, a value: what each costs beside its text. */
const fixedBytes = 256
const valueBytes = 24

/** About so many bytes of memory that a change holds. */
export function bytesOf({ before, after }: RowChange): number {
  let bytes = fixedBytes
  for (const image of [before, after]) {
    for (const name in image) bytes += valueBytes + (image[name]?.length ?? 0)
  }
  return bytes
}
