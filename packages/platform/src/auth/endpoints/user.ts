import { z } from 'zod'
import type { AuthContext } from '../auth-context.ts'
import { redeemNonce } from '../codes/redeem-code.ts'
import { authErrors } from '../errors.ts'
import { checkPassword } from '../passwords/password-rules.ts'
import {
  type AuthRequest,
  actorOfRequest,
  type Endpoint,
  readBody,
  requireSignedIn,
  type SignedIn,
  turnOf,
} from '../request.ts'
import { workOnAccounts } from '../store/account-transaction.ts'
import { findSession, type SessionRow } from '../store/sessions.ts'
import { metadataSchema } from '../users/metadata.ts'
import { type AccountEdit, saveAccount } from '../users/save-account.ts'
import { toUserJson } from '../users/user-json.ts'
import { prepareEmailChange, preparePhoneChange } from './change-address.ts'
import { optionalPassword, optionalText } from './fields.ts'
import { pkceFields } from './pkce.ts'

/** `GET /user`: the signed-in user's account as it is now. */
export const getUser: Endpoint = (auth) => async (c) => {
  const { user } = await requireSignedIn(auth, c)
  return c.json(toUserJson(user))
}

const schema = z.object({
  email: optionalText,
  phone: optionalText,
  password: optionalPassword,
  nonce: optionalText,
  data: metadataSchema,
  app_metadata: metadataSchema,
  channel: optionalText,
  ...pkceFields,
})
type Update = z.output<typeof schema>

/**
 * `PUT /user`: the signed-in user changes address, password or metadata. A new address counts when it is proven; a new
 * password ends all other sessions.
 */
export const updateUser: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, schema)
  const signedIn = await requireSignedIn(auth, c)
  if (body.app_metadata) throw authErrors.not_admin()
  requireSecondFactor(c, signedIn, body)
  if (body.password !== undefined) await auth.limits.signIn(c.var.clientAddress)
  const email = await prepareEmailChange(auth, c, signedIn.user, body)
  const phone = await preparePhoneChange(auth, c, signedIn.user, body)
  const edit: AccountEdit = {
    ...email.changes,
    ...phone.changes,
    proven: false,
    passwordHash: await newPasswordHash(auth, c, signedIn, body, email.changes.email ?? phone.changes.phone),
    userMetadata: body.data,
    keepSession: signedIn.sessionId,
    also: [...email.statements, ...phone.statements],
  }
  const saved = await saveAccount(auth, actorOfRequest(c), signedIn.user, edit)
  return c.json(toUserJson(saved))
}

/** Who has a second factor proves it before what guards the account is changed. */
function requireSecondFactor(c: AuthRequest, { user }: SignedIn, { email, phone, password }: Update): void {
  if (email === undefined && phone === undefined && password === undefined) return
  if (c.var.caller.claims['aal'] === 'aal2' || !user.factors.some(({ status }) => status === 'verified'))
    return
  const problem = 'AAL2 session is required to update email or password when MFA is enabled.'
  throw authErrors.insufficient_aal({ problem })
}

async function newPasswordHash(
  auth: AuthContext,
  c: AuthRequest,
  signedIn: SignedIn,
  { password, nonce }: Update,
  newAddress: string | undefined,
): Promise<string | undefined> {
  if (password === undefined) return undefined
  const { user } = signedIn
  if (user.is_anonymous && !newAddress) {
    const problem = 'Updating password of an anonymous user without an email or phone is not allowed'
    throw authErrors.validation_failed({ problem })
  }
  checkPassword(password, auth.settings)
  await requireRecentProof(auth, c, signedIn, nonce)
  const stored = user.encrypted_password
  const turn = turnOf(auth, c)
  if (stored !== null && (await auth.passwords.verify(async () => stored, password, turn)))
    throw authErrors.same_password()
  return auth.passwords.hash(password, turn)
}

/** A session that is older than this proves its user no more, in milliseconds. */
const recent = 24 * 3600 * 1000

/** Where the project asks for it, an old session needs the code of `reauthenticate`. */
async function requireRecentProof(
  auth: AuthContext,
  c: AuthRequest,
  { user, sessionId }: SignedIn,
  nonce: string | undefined,
): Promise<void> {
  if (!auth.settings.securityUpdatePasswordRequireReauthentication) return
  const { rows } = await auth.database.asOwner<SessionRow>(findSession(sessionId))
  const began = rows[0]?.created_at ?? 0
  if (began + recent > auth.clock.now().getTime()) return
  if (!nonce) throw authErrors.reauthentication_needed()
  await auth.limits.tryCode(c.var.clientAddress)
  const isRight = await workOnAccounts(
    auth.database,
    actorOfRequest(c),
    'Error verifying nonce',
    (transaction) => redeemNonce(auth, transaction, user.id, nonce),
  )
  if (!isRight) throw authErrors.reauthentication_not_valid()
}
