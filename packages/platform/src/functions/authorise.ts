import { type Caller, type ScopedDatabase, serviceCaller } from '../database/index.ts'
import type { FunctionDefinition } from './define-function.ts'
import { functionErrors } from './errors.ts'

/** Asks the system whether a user administers it. */
export type AdminCheck = (database: ScopedDatabase, userId: string) => Promise<boolean>

export interface Authorisation {
  readonly caller: Caller
  readonly definition: FunctionDefinition
  readonly isAdmin: AdminCheck | undefined
  asService(caller: Caller): ScopedDatabase
}

/** Lets the call through or fails with `sign_in_required` or `not_allowed`. */
export async function authorise({ caller, definition, isAdmin, asService }: Authorisation): Promise<void> {
  const { name, access } = definition
  if (access === 'public' || access === 'webhook' || caller.role === 'service_role') return
  const userId = userOf(caller)
  if (userId === null && access !== 'service') throw functionErrors.sign_in_required({ name })
  if (access === 'user') return
  const database = asService(serviceCaller(`is the caller an admin, for ${name}`, name))
  if (access === 'admin' && userId !== null && (await isAdmin?.(database, userId))) return
  throw functionErrors.not_allowed({ name, access })
}

/** The signed-in user's id; null for keys and anonymous callers. */
export function userOf(caller: Caller): string | null {
  const { sub } = caller.claims
  return caller.role === 'authenticated' && typeof sub === 'string' ? sub : null
}
