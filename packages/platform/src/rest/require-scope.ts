import type { Caller } from '../database/index.ts'
import { httpErrors } from '../http/index.ts'

/**
 * Fails with `key_out_of_scope` when a caller with scopes of its own lacks one of these permissions. A scope may name all
 * relations or functions: `*:read`. What it names is what the request may touch at all; policies decide about the rows.
 */
export function requireScope({ permissions: scopes }: Caller, needed: readonly string[]): void {
  if (scopes === undefined) return
  const lacks = needed.some((name) => !scopes.includes(name) && !scopes.includes(anyOf(name)))
  if (lacks) throw httpErrors.key_out_of_scope({ permissions: scopes.join(', ') || 'nothing' })
}

const anyOf = (permission: string): string => `*${permission.slice(permission.lastIndexOf(':'))}`
