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

/** A committed transaction, delivered in commit order. */
export interface CommittedTransaction {
  /** End of its commit record, as `X/Y`; a position to resume after. */
  readonly position: string
  readonly xid: number
  /** ISO 8601 with microseconds, UTC. Not monotonic between transactions: order is the order of delivery. */
  readonly committedAt: string
  /** Who did it; null for changes that came past Plinth (psql, migrations). */
  readonly actor: Actor | null
  readonly changes: readonly RowChange[]
  /** Tables that it emptied by TRUNCATE, which does not say which rows went. */
  readonly truncated: readonly StreamRelation[]
  /** Further transactional logical messages of the transaction, in order. */
  readonly messages: readonly { readonly prefix: string; readonly content: Buffer }[]
}
