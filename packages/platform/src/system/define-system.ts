import type { MigrationSet, ScopedDatabase, Statement } from '../database/index.ts'
import type { FunctionDefinition } from '../functions/index.ts'
import type { JobDefinition } from '../jobs/index.ts'
import type { Demo, ImportDeclaration } from './define-import.ts'

/** Whoever owns rows inside a system. */
export interface TenantDeclaration {
  /** The root table, one row per tenant: `shops`. */
  readonly table: string
  /** Its key. Default `id`. */
  readonly key?: string
  /** The column by which every other table names its tenant: `shop_id`. */
  readonly column: string
}

/** Everything that the platform needs to know of a system; nothing about it is written twice. */
export interface SystemDeclaration {
  /** Lower-case letters and digits, as in its folder, database (`plinth_<name>`) and address (`/<name>`). */
  readonly name: string
  readonly summary: string
  /** Null for a system without tenants. */
  readonly tenant: TenantDeclaration | null
  /** Its SQL, read at start: `() => readMigrations('shops', new URL('./sql/migrations/', import.meta.url))`. */
  migrations(): Promise<MigrationSet>
  readonly functions: readonly FunctionDefinition[]
  readonly jobs: readonly JobDefinition[]
  /** Tables of `public` whose changes clients may subscribe to. */
  readonly realtimeTables: readonly string[]
  /** Tables of `public` whose history is kept by the journal, for rewind and audit. */
  readonly journalledTables: readonly string[]
  /**
   * By table: columns that the journal keeps sealed, and the column that says whose they are. A person is erased from the
   * journal by erasing their key; the chain of hashes holds all the same.
   */
  readonly personalColumns?: Readonly<
    Record<string, { readonly columns: readonly string[]; readonly subject: string }>
  >
  /** What brings unjournalled rows that are derived from a tenant's in line after the tenant was rewound. */
  afterRewind?(tenant: string): Statement
  /** What can be taken in from files. Default none. */
  readonly imports?: readonly ImportDeclaration[]
  /** Data to try the system with. */
  readonly demo?: Demo
  /** True when a signed-in user may call functions with access `admin`; asked with the service role. */
  isAdmin?(database: ScopedDatabase, userId: string): Promise<boolean>
}

export function defineSystem(declaration: SystemDeclaration): SystemDeclaration {
  return declaration
}
