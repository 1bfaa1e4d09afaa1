import type { Context } from 'hono'
import { z } from 'zod'
import { type Actor, actorOf } from '../database/index.ts'
import type { SurfaceEnv } from '../http/index.ts'
import type { AuthContext } from './auth-context.ts'
import { authErrors, tokenErrors } from './errors.ts'
import type { Device } from './sessions/start-session.ts'
import { type AccountRow, findSignedInUser } from './store/users.ts'

export type AuthRequest = Context<SurfaceEnv>

/** Answers one endpoint of a project. */
export type Endpoint = (auth: AuthContext) => (c: AuthRequest) => Promise<Response>

/**
 * The request's body by `schema`. Fails with `bad_json` unless it is one JSON object, and with `validation_failed`
 * naming the first field that does not fit.
 */
export async function readBody<Schema extends z.ZodType>(
  c: AuthRequest,
  schema: Schema,
): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(parseObject(await c.req.text()))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw authErrors.validation_failed({ problem: `${issue?.path.join('.')}: ${issue?.message}` })
}

function parseObject(text: string): unknown {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw authErrors.bad_json({ problem: 'Could not parse request body as JSON' }, cause)
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw authErrors.bad_json({ problem: 'Could not parse request body as JSON: it is not an object' })
}

export const deviceOf = (c: AuthRequest): Device => ({
  userAgent: c.req.header('user-agent') ?? null,
  address: c.var.clientAddress,
})

/** Who the journal names for a change of accounts; `userId` for somebody who becomes known only with it. */
export function actorOfRequest(c: AuthRequest, userId?: string): Actor {
  const actor = actorOf({ ...c.var.caller, requestId: c.var.requestId, via: 'auth' })
  return userId ? { ...actor, user: userId } : actor
}

/** The caller's account and session. */
export interface SignedIn {
  readonly user: AccountRow
  /** Null for a token that was not issued for a session, such as one signed by hand with the project's secret. */
  readonly sessionId: string | null
}

const uuid = z.guid()

/**
 * Who the bearer token stands for, as of now. Fails with `no_authorization`, `bad_jwt` (an API key, or claims that
 * cannot be), `user_not_found`, `session_not_found` or `user_banned`.
 */
export async function requireSignedIn(auth: AuthContext, c: AuthRequest): Promise<SignedIn> {
  if (!c.req.header('authorization')) throw authErrors.no_authorization()
  const { sub, session_id: session } = c.var.caller.claims
  if (typeof sub !== 'string' || sub === '')
    throw authErrors.bad_jwt({ problem: 'invalid claim: missing sub claim' })
  if (!uuid.safeParse(sub).success)
    throw authErrors.bad_jwt({ problem: 'invalid claim: sub claim must be a UUID' })
  const sessionId = session === undefined || session === null || session === '' ? null : session
  if (sessionId !== null && !uuid.safeParse(sessionId).success) {
    throw authErrors.bad_jwt({ problem: 'invalid claim: session_id claim must be a UUID' })
  }
  const { rows } = await auth.database.asOwner<AccountRow & { has_session: boolean }>(
    findSignedInUser(sub, sessionId as string | null, auth.clock.now()),
  )
  const user = rows[0]
  if (!user) throw tokenErrors.user_not_found()
  if (!user.has_session) throw authErrors.session_not_found()
  if (user.is_banned) throw authErrors.user_banned()
  return { user, sessionId: sessionId as string | null }
}

/** Fails with `not_admin` unless the service role asks. */
export function requireAdmin(c: AuthRequest): void {
  if (c.var.caller.role !== 'service_role') throw authErrors.not_admin()
}
