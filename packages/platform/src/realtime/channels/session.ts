import { createHash } from 'node:crypto'
import { type Caller, isRequestRole } from '../../database/index.ts'
import type { ProjectKeys } from '../../http/index.ts'
import { type Clock, type JsonObject, messageOf } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'

/** Whom a channel speaks for, from its access token. */
export interface Session {
  readonly caller: Caller
  /** The claims as SQL reads them. */
  readonly claims: string
  /** The token's subject; null for API keys. */
  readonly user: string | null
  /** The same for everyone whose policies answer alike: role and claims, without the token's own dates and id. */
  readonly key: string
  /** When the token ends, in milliseconds since 1970; null when it never does. */
  readonly expiresAt: number | null
}

/** Claims that differ from token to token of one session. Policies that read them are answered for the first token seen. */
const tokenClaims = new Set(['iat', 'exp', 'nbf', 'jti'])

const sessions = new WeakMap<JsonObject, Session>()

/** True for an API key of Supabase's newer form, which is no token: clients send it where the old keys were tokens. */
export const isNewKey = (token: string): boolean => token.startsWith('sb_')

/** The session of an access token. Fails with `realtime_token_refused`. */
export async function openSession(keys: ProjectKeys, token: string, clock: Clock): Promise<Session> {
  const claims = await keys.verify(token, clock).catch((cause: unknown) => {
    throw realtimeErrors.realtime_token_refused({ problem: messageOf(cause) }, cause)
  })
  const known = sessions.get(claims)
  if (known) return known
  const session = sessionOf(claims)
  sessions.set(claims, session)
  return session
}

/** The session of claims that are already checked. */
export function sessionOf(claims: JsonObject): Session {
  const role = claims.role ?? 'anon'
  if (typeof role !== 'string' || !isRequestRole(role))
    throw realtimeErrors.realtime_token_refused({ problem: 'its role is not one of requests' })
  const lasting = Object.entries(claims).filter(([name]) => !tokenClaims.has(name))
  const key = createHash('sha256').update(JSON.stringify([role, lasting.sort(byName)]))
  return {
    caller: { role, claims },
    claims: JSON.stringify(claims),
    user: typeof claims.sub === 'string' ? claims.sub : null,
    key: key.digest('base64url').slice(0, 22),
    expiresAt: typeof claims.exp === 'number' ? claims.exp * 1000 : null,
  }
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

/**
 * Refuses a session that is not this user's, when one is named: a client without a network for its token sends its key
 * instead, and would be given the rows that strangers see in place of its own. Fails with `realtime_token_refused`.
 */
export function requireUser(user: string | undefined, session: Session): void {
  if (user !== undefined && session.user !== user)
    throw realtimeErrors.realtime_token_refused({ problem: 'it is not that of the user whose copy this is' })
}
