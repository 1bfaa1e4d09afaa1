import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from 'hono'
import { z } from 'zod'
import { type Actor, actorOf } from '../database/index.ts'
import { addressKey, type SurfaceEnv } from '../http/index.ts'
import type { AuthContext } from './auth-context.ts'
import { authErrors, tokenErrors } from './errors.ts'
import type { Turn } from './passwords/waiting-line.ts'
import { allowedRedirect } from './redirects/allowed-redirect.ts'
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

/** Whose turn at hashing the request takes. */
export const turnOf = ({ database }: AuthContext, c: AuthRequest): Turn => ({
  project: database.system,
  address: addressKey(c.var.clientAddress),
})

/** Where the request wants its flow to end, else where it came from, if that is allowed; else the site. */
export const redirectOf = ({ settings, url }: AuthContext, c: AuthRequest, given?: string): string =>
  allowedRedirect(settings, url, given || c.req.query('redirect_to') || c.req.header('referer'))

/**
 * Nothing that depends on whether an address has an account is answered sooner than this, in milliseconds. Checking the
 * bcrypt hash of an imported account takes about 50, our own kind about 20, storing a code a few.
 */
const soonestAnswer = 150

/** The outcome of `work`, good or bad, but not before {@link soonestAnswer}: its time tells nothing. */
export async function noSooner<T>(work: () => Promise<T>): Promise<T> {
  const soonest = sleep(soonestAnswer)
  try {
    return await work()
  } finally {
    await soonest
  }
}

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
  const { sub, session_id: session, aud } = c.var.caller.claims
  if (typeof sub !== 'string' || sub === '')
    throw authErrors.bad_jwt({ problem: 'invalid claim: missing sub claim' })
  if (!uuid.safeParse(sub).success)
    throw authErrors.bad_jwt({ problem: 'invalid claim: sub claim must be a UUID' })
  if (aud !== undefined && ![aud].flat().includes('authenticated'))
    throw authErrors.bad_jwt({ problem: 'invalid claim: aud claim must be authenticated' })
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

/** As {@link requireSignedIn}, for what belongs to one session. Fails with `session_not_found` without one. */
export async function requireSession(auth: AuthContext, c: AuthRequest) {
  const { user, sessionId } = await requireSignedIn(auth, c)
  if (sessionId === null) throw authErrors.session_not_found()
  return {
    user,
    sessionId,
    aal: c.var.caller.claims['aal'] === 'aal2' ? ('aal2' as const) : ('aal1' as const),
  }
}

/** Fails with `not_admin` unless the service role asks. */
export function requireAdmin(c: AuthRequest): void {
  if (c.var.caller.role !== 'service_role') throw authErrors.not_admin()
}
