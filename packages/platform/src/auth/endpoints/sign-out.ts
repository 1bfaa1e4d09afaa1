import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { type AuthRequest, actorOfRequest, type Endpoint, requireSignedIn } from '../request.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { endSessions } from '../store/sessions.ts'
import { audit } from './admin/audit.ts'

const scopes = ['global', 'local', 'others'] as const

/**
 * `POST /logout?scope=…`: ends all sessions of the user (`global`, the default), this one (`local`) or all but this
 * one (`others`). Access tokens that are already out stay valid until they expire. `admin.signOut` asks for it with a
 * user's token and the service key: that is noted among the acts of administrators.
 */
export const signOut: Endpoint = (auth) => async (c) => {
  const scope = scopes.find((name) => name === (c.req.query('scope') || 'global'))
  if (!scope) throw authErrors.validation_failed({ problem: 'Unsupported logout scope' })
  const { user, sessionId } = await requireSignedIn(auth, c)
  const ended = scope === 'local' ? { only: sessionId } : scope === 'others' ? { except: sessionId } : {}
  const actor = await administratorOf(auth, c)
  const statements = [
    endSessions(user.id, ended),
    ...(actor ? [audit(c, auth.clock.now(), 'logout', user.id, { scope }, actor)] : []),
  ]
  const failure = 'Database error ending sessions'
  await accountTransaction(auth.database, actorOfRequest(c), failure, statements, () => undefined)
  return c.body(null, 204)
}

/** The role of an administrator's API key; undefined for any other. The entrance has checked the key. */
async function administratorOf({ keys, clock }: AuthContext, c: AuthRequest): Promise<string | undefined> {
  const key = c.req.header('apikey') ?? c.req.query('apikey')
  if (key === undefined) return undefined
  const { role } = await keys.verify(key, clock)
  return role === 'service_role' ? role : undefined
}
