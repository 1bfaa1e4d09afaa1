import type { Caller } from '../../database/index.ts'
import { routeErrors } from '../errors.ts'
import { type Access, type AccessRequest, describeAccess } from './access.ts'

/** Lets the request through or fails with `sign_in_required` or `not_allowed`. `name` is the route's, for the message. */
export async function authorise(access: Access, request: AccessRequest, name: string): Promise<void> {
  if (isService(request.caller) || (await admits(access, request))) return
  if (request.caller.role === 'anon' && access !== 'service') throw routeErrors.sign_in_required({ name })
  throw routeErrors.not_allowed({ name, access: describeAccess(access) })
}

async function admits(access: Access, request: AccessRequest): Promise<boolean> {
  if (access === 'public' || access === 'webhook') return true
  if (typeof access === 'function') return access(request)
  if (typeof access === 'object' && 'anyOf' in access) return admitsAny(access.anyOf, request)
  if (typeof access === 'object' && 'permission' in access) return request.may(access.permission)
  // What is left asks for a whole user or the whole service: scopes of a key name neither.
  if (access === 'service' || request.caller.permissions !== undefined) return false
  if (access === 'user') return request.userId !== null
  return (await request.roles()).has(access === 'admin' ? 'admin' : access.role)
}

async function admitsAny(accesses: readonly Access[], request: AccessRequest): Promise<boolean> {
  for (const access of accesses) if (await admits(access, request)) return true
  return false
}

/** The service key, but not a key that acts as the service within scopes. */
export const isService = (caller: Caller): boolean =>
  caller.role === 'service_role' && caller.permissions === undefined

/** The signed-in user's id; null for keys and anonymous callers. */
export function userOf(caller: Caller): string | null {
  const { sub } = caller.claims
  return caller.role === 'authenticated' && typeof sub === 'string' ? sub : null
}
