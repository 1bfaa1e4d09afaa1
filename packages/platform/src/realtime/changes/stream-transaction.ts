import type { RowChange, TransactionChunk } from '../../tail/index.ts'

/** A committed transaction as realtime knows it from its first chunk on, in the order of this node's stream. */
export interface StreamTransaction {
  /** Counts up by one from transaction to transaction. */
  readonly sequence: number
  /** `X/Y`; clients resume after it. */
  readonly position: string
  readonly xid: number
  /** ISO 8601 with microseconds, UTC. */
  readonly committedAt: string
}

export interface StreamChunk {
  readonly transaction: StreamTransaction
  /** True when what came before it in the same transaction was lost. */
  readonly isTorn: boolean
  readonly isLast: boolean
  readonly changes: readonly RowChange[]
  /** OIDs of tables that were emptied. */
  readonly truncated: readonly number[]
  readonly messages: TransactionChunk['messages']
  /** About so many bytes of memory. */
  readonly bytes: number
}

/** A transaction that is held whole. */
export interface KeptTransaction extends StreamTransaction {
  readonly changes: readonly RowChange[]
  readonly truncated: readonly number[]
}

/** Rows are held as they came and as they were read. */
const copies = 2
/** Beside its rows. */
const fixedBytes = 512

/** Numbers the transactions of this node's stream: the only place in this folder that knows the form in which it comes. */
export function createChunkReader(): (chunk: TransactionChunk) => StreamChunk {
  let current: StreamTransaction | null = null
  let sequence = 0
  return ({ transaction, index, isLast, changes, truncated, messages, bytes }) => {
    const { position, xid, committedAt } = transaction
    const isTorn = index > 0 && current?.position !== position
    if (current?.position !== position) {
      sequence += 1
      current = { sequence, position, xid, committedAt }
    }
    return {
      transaction: current,
      isTorn,
      isLast,
      changes,
      truncated: truncated.map(({ oid }) => oid),
      messages,
      bytes: bytes * copies + fixedBytes,
    }
  }
}

/** A change, a value: what each costs beside its text. */
const changeBytes = 256
const valueBytes = 24

/** About so many bytes of memory that a change holds once its images were read. */
export function bytesOf({ before, after }: RowChange): number {
  let bytes = changeBytes
  for (const image of [before, after]) {
    for (const name in image) bytes += valueBytes + (image[name]?.length ?? 0)
  }
  return bytes
}
