import { z } from 'zod'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { checkPassword } from '../passwords/password-rules.ts'
import { actorOfRequest, type Endpoint, readBody, requireSignedIn, type SignedIn } from '../request.ts'
import { metadataSchema } from '../users/metadata.ts'
import { requireEmail } from '../users/normalise-email.ts'
import { type AccountEdit, saveAccount } from '../users/save-account.ts'
import { toUserJson } from '../users/user-json.ts'
import { optionalPassword, optionalText } from './fields.ts'

/** `GET /user`: the signed-in user's account as it is now. */
export const getUser: Endpoint = (auth) => async (c) => {
  const { user } = await requireSignedIn(auth, c)
  return c.json(toUserJson(user))
}

const schema = z.object({
  email: optionalText,
  phone: optionalText,
  password: optionalPassword,
  data: metadataSchema,
  app_metadata: metadataSchema,
})
type Update = z.output<typeof schema>

/** `PUT /user`: the signed-in user changes address, password or metadata. A new password ends all other sessions. */
export const updateUser: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, schema)
  const signedIn = await requireSignedIn(auth, c)
  if (body.app_metadata) throw authErrors.not_admin()
  if (body.phone) throw authErrors.phone_provider_disabled()
  if (body.password !== undefined) await auth.limits.signIn(c.var.clientAddress)
  const email = newEmail(auth, signedIn, body)
  const edit: AccountEdit = {
    email,
    confirmed: email !== undefined,
    passwordHash: await newPasswordHash(auth, signedIn, body, email),
    userMetadata: body.data,
    keepSession: signedIn.sessionId,
  }
  const saved = await saveAccount(auth, actorOfRequest(c), signedIn.user, edit)
  return c.json(toUserJson(saved))
}

/** The address when it changes. Without mail nobody can confirm it, so it changes only where none has to. */
function newEmail({ settings }: AuthContext, { user }: SignedIn, body: Update): string | undefined {
  const email = body.email === undefined ? undefined : requireEmail(body.email)
  if (email === undefined || email === user.email) return undefined
  if (!settings.autoConfirm) throw authErrors.email_provider_disabled({ feature: 'Changing the address' })
  return email
}

async function newPasswordHash(
  { settings, passwords }: AuthContext,
  { user }: SignedIn,
  { password }: Update,
  email: string | undefined,
): Promise<string | undefined> {
  if (password === undefined) return undefined
  if (user.is_anonymous && !email) {
    const problem = 'Updating password of an anonymous user without an email or phone is not allowed'
    throw authErrors.validation_failed({ problem })
  }
  checkPassword(password, settings.passwordMinLength)
  const stored = user.encrypted_password
  if (stored !== null && (await passwords.verify(async () => stored, password)))
    throw authErrors.same_password()
  return passwords.hash(password)
}
