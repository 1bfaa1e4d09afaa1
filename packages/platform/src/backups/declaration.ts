import type { Statement } from '../database/index.ts'
import type { SetDeclaration } from './set/tenant-set.ts'

/** What a system says of its backups beside its settings. */
export interface BackupsDeclaration extends SetDeclaration {
  /** The query of the tenants that are backed up by themselves, as `tenant`. Default: every row of the root table. */
  readonly tenants?: Statement
  /** What must hold after every restore: a query of the rows for which it does not. */
  readonly invariants?: readonly { readonly name: string; violations(tenant: string): Statement }[]
  /** Columns whose sums a preview shows before and after. */
  readonly money?: readonly { readonly table: string; readonly column: string }[]
}
