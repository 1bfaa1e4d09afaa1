import type { CommittedTransaction, TransactionChunk } from '../committed-transaction.ts'
import type { StreamedChange, StreamedRelation } from './row-change.ts'

/** A transaction with what the journal stores as it came. */
export interface StreamedTransaction extends CommittedTransaction {
  /** Its position as a number. */
  readonly commit: bigint
  /** Microseconds since 2000-01-01, as in the commit record. */
  readonly committedMicroseconds: bigint
  /** The actor as the platform wrote it, without what proved it; null when the platform did not say who acts. */
  readonly actorJson: Buffer | null
}

export interface StreamedChunk extends TransactionChunk {
  readonly transaction: StreamedTransaction
  readonly changes: readonly StreamedChange[]
  readonly truncated: readonly StreamedRelation[]
  /** End of the commit record, where PostgreSQL may go on after it; null before the last chunk. */
  readonly end: bigint | null
}
