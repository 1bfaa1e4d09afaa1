import type { ErrorCatalogue } from '../kernel/index.ts'

/** Whoever owns rows inside a system. */
export interface TenantDeclaration {
  /** The root table, one row per tenant: `shops`. */
  readonly table: string
  /** Its key. Default `id`. */
  readonly key?: string
  /** The column by which every other table names its tenant: `shop_id`. */
  readonly column: string
}

/** Columns of a table that say something about a person. */
export interface PersonalData {
  readonly columns: readonly string[]
  /** The column that says whose data it is: an e-mail address, a user's id. */
  readonly subject: string
}

/** What capabilities may know of the system that uses them. */
export interface SystemFacts {
  /** Lower-case letters and digits, as in its folder, database (`plinth_<name>`) and address (`/<name>`). */
  readonly name: string
  readonly summary: string
  /** Its errors, raised by SQL or thrown by handlers: the same status and code over every surface and in jobs. */
  readonly errors?: ErrorCatalogue<string>
  /** Null for a system without tenants. */
  readonly tenant: TenantDeclaration | null
  /** Tables of `public` whose changes clients may subscribe to. */
  readonly realtimeTables: readonly string[]
  /** Tables of `public` whose history is kept by the journal, for rewind and audit. */
  readonly journalledTables: readonly string[]
  /**
   * By table: columns that the journal keeps sealed, and the column that says whose they are. A person is erased from the
   * journal by erasing their key; the chain of hashes holds all the same.
   */
  readonly personalColumns?: Readonly<Record<string, PersonalData>>
}
