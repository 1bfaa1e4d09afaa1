import type { Statement, Transaction } from '../database/index.ts'

/** A file of an export: its path below the export's folder, and its bytes. */
export interface ExportedFile {
  /** With `/`, without `..`: `files/invoice.pdf`. */
  readonly path: string
  readonly content: AsyncIterable<Buffer> | Buffer | string
}

/** What a capability or a system does when something happens to a whole tenant. */
export interface TenantHooks {
  /** Before a rewind; an error that it throws refuses the rewind, and nothing is changed. */
  beforeRewind?(tenant: string): Promise<void>
  /**
   * A query of the rows that a rewind leaves as they are, as the owner in the rewind's transaction: `relation`
   * (`public.payments`) and `key`, the primary key's values as texts (`json_build_array(id::text)`). Facts of payment are
   * named by it, with the rows that they refer to.
   */
  rewindKeeps?(tenant: string): Statement
  /**
   * Brings unjournalled rows that are derived from the tenant's in line, as the owner, in the rewind's transaction. `to`: the
   * instant (ISO 8601 when it is a text), or the number of the last change that stays; null when only some tables are taken back.
   */
  afterRewind?(tenant: string, to: Date | string | number | null): Statement | undefined
  /** After the rewind's commit: caches are dropped, others are informed. A failure is logged. */
  rewound?(tenant: string): Promise<void>
  /** What the tenant's export holds beside the rows of its tables. */
  export?(tenant: string): AsyncIterable<ExportedFile>
  /** Removes what the tenant has beside the rows of its tables, as the owner, in the transaction of the erasure. */
  erase?(tenant: string, transaction: Transaction): Promise<void>
}

/** What a capability or a system does when one person asks for their data, or for its removal. */
export interface PersonHooks {
  /** What the person's export holds beside the rows that the declared personal columns name. */
  export?(person: string): AsyncIterable<ExportedFile>
  /** Removes what is known of the person beside those rows, as the owner, in the transaction of the erasure. */
  erase?(person: string, transaction: Transaction): Promise<void>
}
