import type { Actor } from '../database/index.ts'

/** A column of a relation as the stream describes it. */
export interface StreamColumn {
  readonly name: string
  readonly typeOid: number
  /** True when the column belongs to the replica identity that before-images and deletes carry. */
  readonly isKey: boolean
}

/** A table as it was when the change happened. */
export interface StreamRelation {
  readonly oid: number
  readonly schema: string
  readonly table: string
  readonly columns: readonly StreamColumn[]
}

/** A row's values by column name, as PostgreSQL's own text; null is SQL NULL. */
export type RowImage = Readonly<Record<string, string | null>>

/** One row that one committed transaction changed. */
export interface RowChange {
  readonly relation: StreamRelation
  readonly operation: 'insert' | 'update' | 'delete'
  /** The row before the change; null for an insert. Complete where the table has full replica identity. */
  readonly before: RowImage | null
  /** The row after the change; null for a delete. */
  readonly after: RowImage | null
}

/** What is known of a committed transaction before its first row; what it did comes in {@link TransactionChunk}s. */
export interface CommittedTransaction {
  /** Start of its commit record, as `X/Y`. No two transactions share one; it grows in the order of commits. */
  readonly position: string
  readonly xid: number
  /** ISO 8601 with microseconds, UTC. Not monotonic between transactions: order is the order of delivery. */
  readonly committedAt: string
  /** Who did it, as the platform said before the first change; null for changes that came past Plinth (psql, migrations). */
  readonly actor: Actor | null
}

/**
 * A part of a committed transaction: small ones are one chunk, large ones many. A transaction's chunks come one after the
 * other, in the order of its statements, and no other transaction comes in between.
 */
export interface TransactionChunk {
  readonly transaction: CommittedTransaction
  /** From 0. When the stream brings a transaction again, the same rows are in the same chunk. */
  readonly index: number
  /** True when the transaction ends with it. */
  readonly isLast: boolean
  readonly changes: readonly RowChange[]
  /** Tables that were emptied by TRUNCATE, which does not say which rows went. */
  readonly truncated: readonly StreamRelation[]
  /** Further transactional logical messages, in order. */
  readonly messages: readonly { readonly prefix: string; readonly content: Buffer }[]
  /** About so many bytes of memory that it holds. */
  readonly bytes: number
}

/** Orders chunks as the stream brings them: negative when `a` comes first, 0 for the same chunk. */
export function compareChunks(a: ChunkPlace, b: ChunkPlace): number {
  if (a.commit !== b.commit) return a.commit < b.commit ? -1 : 1
  return a.index - b.index
}

/** Where a chunk is in the stream: its transaction's position as a number, and its place in it. */
export interface ChunkPlace {
  readonly commit: bigint
  readonly index: number
}
