import { authErrors } from '../errors.ts'
import { type Endpoint, requireSignedIn } from '../request.ts'
import { endSessions } from '../store/sessions.ts'

const scopes = ['global', 'local', 'others'] as const

/**
 * `POST /logout?scope=…`: ends all sessions of the user (`global`, the default), this one (`local`) or all but this
 * one (`others`). Access tokens that are already out stay valid until they expire.
 */
export const signOut: Endpoint = (auth) => async (c) => {
  const scope = scopes.find((name) => name === (c.req.query('scope') || 'global'))
  if (!scope) throw authErrors.validation_failed({ problem: 'Unsupported logout scope' })
  const { user, sessionId } = await requireSignedIn(auth, c)
  const ended = scope === 'local' ? { only: sessionId } : scope === 'others' ? { except: sessionId } : {}
  await auth.database.asOwner(endSessions(user.id, ended))
  return c.body(null, 204)
}
