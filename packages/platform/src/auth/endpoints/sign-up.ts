import { z } from 'zod'
import type { Statement } from '../../database/index.ts'
import { hasCode, type JsonObject } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { checkPassword } from '../passwords/password-rules.ts'
import { type AuthRequest, actorOfRequest, deviceOf, type Endpoint, readBody } from '../request.ts'
import { grantTokens } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { openSession, type SignInMethod } from '../store/sessions.ts'
import { findUser, type NewUser } from '../store/users.ts'
import { draftUser, storeAccount } from '../users/create-account.ts'
import { metadataSchema } from '../users/metadata.ts'
import { requireEmail } from '../users/normalise-email.ts'
import { toUserJson } from '../users/user-json.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalPassword, optionalText } from './fields.ts'

const schema = z.object({
  email: optionalText,
  phone: optionalText,
  password: optionalPassword,
  data: metadataSchema,
})
type SignUp = z.output<typeof schema>

const failure = 'Database error saving new user'

/** `POST /signup`: makes an account by e-mail and password, or an anonymous one when neither is given. */
export const signUp: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, schema)
  if (!auth.settings.signUps) throw authErrors.signup_disabled()
  if (body.phone && body.email) {
    const problem = 'Only an email address or phone number should be provided on signup.'
    throw authErrors.validation_failed({ problem })
  }
  if (body.phone) throw authErrors.phone_provider_disabled()
  return body.email ? signUpByEmail(auth, c, body, body.email) : signUpAnonymously(auth, c, body)
}

async function signUpByEmail(auth: AuthContext, c: AuthRequest, body: SignUp, given: string) {
  const { settings, passwords, limits, clock } = auth
  const email = requireEmail(given)
  checkPassword(body.password, settings.passwordMinLength)
  await limits.signIn(c.var.clientAddress)
  const user = draftUser({
    email,
    passwordHash: await passwords.hash(body.password),
    userMetadata: body.data,
    at: clock.now(),
  })
  try {
    if (settings.autoConfirm) return await signUpAndIn(auth, c, user, 'password')
    const statements = [...storeAccount(user, false), findUser(user.id, user.at)]
    return c.json(toUserJson(await storeAndRead(auth, c, user, statements)))
  } catch (error) {
    if (!hasCode(error, 'email_exists')) throw error
    if (settings.autoConfirm) throw authErrors.user_already_exists({}, error)
    return c.json(pretend(user))
  }
}

async function signUpAnonymously(auth: AuthContext, c: AuthRequest, body: SignUp) {
  if (!auth.settings.anonymousSignIns) throw authErrors.anonymous_provider_disabled()
  await auth.limits.anonymousSignIn(c.var.clientAddress)
  const user = draftUser({
    email: null,
    passwordHash: null,
    userMetadata: body.data,
    at: auth.clock.now(),
  })
  return signUpAndIn(auth, c, user, 'anonymous')
}

/** The account and its first session, in one transaction: neither exists without the other. */
async function signUpAndIn(auth: AuthContext, c: AuthRequest, user: NewUser, method: SignInMethod) {
  const hashes = { checkedHash: user.passwordHash, betterHash: null }
  const { stored, facts } = startSession(user.id, method, deviceOf(c), user.at, hashes)
  const statements = [...storeAccount(user, user.email !== null), openSession(stored)]
  const row = await storeAndRead(auth, c, user, statements)
  return c.json(await grantTokens(auth, row, facts))
}

/** Runs statements of which the last gives the new account. */
function storeAndRead(auth: AuthContext, c: AuthRequest, user: NewUser, statements: readonly Statement[]) {
  const actor = actorOfRequest(c, user.id)
  return accountTransaction(auth.database, actor, failure, statements, requireRow)
}

function requireRow(row: UserRow | undefined): UserRow {
  if (!row) throw authErrors.unexpected_failure({ problem: failure })
  return row
}

/**
 * What a stranger is told when the address has an account already and has to be confirmed: an account that looks
 * new, with no identities, which is how GoTrue's clients may tell (supabase.com/docs/reference/javascript/auth-signup).
 */
function pretend(user: NewUser): JsonObject {
  const at = user.at.toISOString()
  return {
    id: user.id,
    aud: 'authenticated',
    role: user.role,
    email: user.email,
    phone: '',
    app_metadata: user.appMetadata,
    user_metadata: user.userMetadata,
    identities: [],
    created_at: at,
    updated_at: at,
    is_anonymous: false,
  }
}
