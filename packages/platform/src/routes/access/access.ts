import type { Caller, ScopedDatabase } from '../../database/index.ts'

/**
 * Who may call a route. `public`: anyone, no key needed. `user`: a signed-in user. `service`: the service key only.
 * `webhook`: anyone, no key; the handler verifies the provider's signature over `rawBody`. `admin`: as `{ role: 'admin' }`.
 * `{ role }`, `{ permission }`: a user who has it by the system's `roles`; an API key with that scope has a permission, too.
 * A function: whatever it says of the request. `{ anyOf }`: whoever one of them lets in, asked in order.
 *
 * The service key may call everything. A caller with scopes of its own may do what they name, and what is public.
 */
export type Access =
  | 'public'
  | 'user'
  | 'service'
  | 'webhook'
  | 'admin'
  | { readonly role: string }
  | { readonly permission: string }
  | { readonly anyOf: readonly Access[] }
  | AccessCheck

/** A route's own check: true lets the caller in. It may also fail with an error of the system. */
export type AccessCheck = (request: AccessRequest) => boolean | Promise<boolean>

/** What is known of a request before its body is read. Nothing of it is validated but the caller. */
export interface AccessRequest {
  readonly caller: Caller
  /** Subject of the token; null for keys and anonymous callers. */
  readonly userId: string | null
  /** Parts of the path by name, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  header(name: string): string | undefined
  /** As the caller: policies apply. */
  readonly db: ScopedDatabase
  /** As the service role, past all policies. Say why; the journal keeps it. */
  asService(reason: string): ScopedDatabase
  /** The user's roles in the system, asked once a request. Empty without a user. */
  roles(): Promise<ReadonlySet<string>>
  /** True when the caller has the permission by a role or a scope. The service key has all. */
  may(permission: string): Promise<boolean>
}

/** What `access` asks for, for a person: `user or permission orders:read`. */
export function describeAccess(access: Access): string {
  if (typeof access === 'string') return access
  if (typeof access === 'function') return access.name || 'certain'
  if ('role' in access) return `role ${access.role}`
  if ('permission' in access) return `permission ${access.permission}`
  return access.anyOf.map(describeAccess).join(' or ')
}

/** True when a request without any credentials may be let in. */
export function isKeyless(access: Access): boolean {
  if (typeof access === 'function') return true
  if (typeof access === 'object' && 'anyOf' in access) return access.anyOf.some(isKeyless)
  return access === 'public' || access === 'webhook'
}
