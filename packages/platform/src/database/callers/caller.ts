import type { JsonObject } from '../../kernel/index.ts'

/** The roles that a request can act as, as on Supabase. */
export const requestRoles = ['anon', 'authenticated', 'service_role'] as const
export type DatabaseRole = (typeof requestRoles)[number]

export const isRequestRole = (role: string): role is DatabaseRole =>
  (requestRoles as readonly string[]).includes(role)

/** Who does something, as the journal records it. */
export interface Actor {
  /** Subject of the token (a user's id), or null for keys and jobs. */
  readonly user: string | null
  readonly role: string
  readonly requestId: string | null
  /** Name of the function or job that acts, null for direct table access. */
  readonly via: string | null
  /** Why the service role was taken, null for everyone else. */
  readonly reason: string | null
}

/** Request facts that SQL may read with `current_setting('request.…', true)`, as PostgREST gives them. */
export interface RequestSettings {
  readonly method: string
  readonly path: string
  readonly headers: JsonObject
  readonly cookies: JsonObject
}

/** On whose behalf a transaction runs: role, claims and actor are set for exactly that transaction. */
export interface Caller {
  readonly role: string
  /** The token's claims; `auth.uid()`, `auth.role()` and `auth.jwt()` read them. */
  readonly claims: JsonObject
  /** What its credentials allow by themselves, beside any role of the system: the scopes of an API key. */
  readonly permissions?: readonly string[]
  readonly requestId?: string
  readonly via?: string
  readonly reason?: string
  readonly request?: RequestSettings
  /** Schemas searched for unqualified names; default: `public, extensions`. */
  readonly searchPath?: string
  /** Whose share of the connections its transactions count for. Default: the service role's, the user's, or nobody's. */
  readonly share?: string
  /** Aborts when the client is gone, for requests that only read: their statements end with them. */
  readonly gone?: AbortSignal
}

export const serviceShare = 'service'

/** The key of the share that a caller's transactions count for. */
export function shareOf({ role, claims, share }: Caller): string {
  if (share !== undefined) return share
  if (role === 'service_role') return serviceShare
  return typeof claims.sub === 'string' ? `user ${claims.sub}` : 'nobody'
}

export const anonymousCaller: Caller = { role: 'anon', claims: { role: 'anon' } }

/** A signed-in user. */
export function userCaller(userId: string, claims: JsonObject = {}): Caller {
  return {
    role: 'authenticated',
    claims: { sub: userId, role: 'authenticated', aud: 'authenticated', ...claims },
  }
}

/** The service role, which policies do not bind. `reason` ends up in the journal. */
export function serviceCaller(reason: string, via?: string): Caller {
  return { role: 'service_role', claims: { role: 'service_role' }, reason, ...(via ? { via } : {}) }
}

/** What the journal keeps of a caller. */
export function actorOf(caller: Caller): Actor {
  const subject = caller.claims.sub
  return {
    user: typeof subject === 'string' ? subject : null,
    role: caller.role,
    requestId: caller.requestId ?? null,
    via: caller.via ?? null,
    reason: caller.reason ?? null,
  }
}
