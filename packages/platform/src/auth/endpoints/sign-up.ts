import { z } from 'zod'
import { type Statement, sql } from '../../database/index.ts'
import { hasCode, type JsonObject } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { prepareCode } from '../codes/prepare-code.ts'
import { authErrors } from '../errors.ts'
import { requireWelcome } from '../hooks/run-hook.ts'
import { requireMail } from '../messages/outbox.ts'
import { checkPassword } from '../passwords/password-rules.ts'
import {
  type AuthRequest,
  actorOfRequest,
  deviceOf,
  type Endpoint,
  noSooner,
  readBody,
  redirectOf,
  turnOf,
} from '../request.ts'
import { grantTokens } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { openSession, type SignInMethod } from '../store/sessions.ts'
import { findUser, type NewUser } from '../store/users.ts'
import { confirmedUnasked, draftUser, storeAccount, unproven } from '../users/create-account.ts'
import { metadataSchema } from '../users/metadata.ts'
import { requireEmail } from '../users/normalise-email.ts'
import { requirePhone } from '../users/normalise-phone.ts'
import { toUserJson } from '../users/user-json.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalPassword, optionalText } from './fields.ts'
import { beginMailFlow, pkceFields } from './pkce.ts'
import { remindAccount, requireSms } from './remind-account.ts'

const schema = z.object({
  email: optionalText,
  phone: optionalText,
  password: optionalPassword,
  data: metadataSchema,
  ...pkceFields,
})
type SignUp = z.output<typeof schema>

const failure = 'Database error saving new user'

/** `POST /signup`: makes an account by e-mail or phone and password, or an anonymous one when neither is given. */
export const signUp: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, schema)
  const { settings } = auth
  if (body.phone && body.email) {
    const problem = 'Only an email address or phone number should be provided on signup.'
    throw authErrors.validation_failed({ problem })
  }
  if (!body.email && !body.phone) return signUpAnonymously(auth, c, body)
  if (settings.disableSignup) throw authErrors.signup_disabled()
  if (body.email && !settings.externalEmailEnabled)
    throw authErrors.email_provider_disabled({ feature: 'Sign-up by e-mail' })
  if (body.phone && !settings.externalPhoneEnabled) throw authErrors.phone_provider_disabled()
  const address = body.email ? { email: requireEmail(body.email) } : { phone: requirePhone(body.phone ?? '') }
  checkPassword(body.password, settings)
  await auth.limits.signIn(c.var.clientAddress)
  return signUpByAddress(auth, c, body, address, body.password)
}

type Address = { readonly email?: string; readonly phone?: string }

async function signUpByAddress(
  auth: AuthContext,
  c: AuthRequest,
  body: SignUp,
  address: Address,
  password: string,
) {
  const { settings, passwords, clock } = auth
  const isUnasked = address.email ? settings.mailerAutoconfirm : settings.smsAutoconfirm
  if (!isUnasked) await reserveMessage(auth, address)
  const user = draftUser({
    ...address,
    passwordHash: await passwords.hash(password, turnOf(auth, c)),
    userMetadata: body.data,
    at: clock.now(),
  })
  await requireWelcome(auth, user, c.var.clientAddress)
  if (!isUnasked) return c.json(await noSooner(() => signUpUnconfirmed(auth, c, body, user)))
  try {
    return await signUpAndIn(auth, c, user, 'password')
  } catch (error) {
    if (isTaken(error)) throw authErrors.user_already_exists({}, error)
    throw error
  }
}

const isTaken = (error: unknown) => hasCode(error, 'email_exists') || hasCode(error, 'phone_exists')

/** Counts the message before it is known whether the address has an account, so that a refusal does not tell it. */
async function reserveMessage({ limits, outbox }: AuthContext, { email, phone }: Address): Promise<void> {
  if (email) {
    requireMail(outbox, 'Confirmation of an address')
    await limits.sendMail(email)
  } else {
    requireSms(outbox)
    await limits.sendSms(phone ?? '')
  }
}

/** The account as the client sees it. A taken address gets the same answer, and its owner a message. */
async function signUpUnconfirmed(auth: AuthContext, c: AuthRequest, body: SignUp, user: NewUser) {
  const flow = beginMailFlow(body, 'email/signup', user.at)
  const redirectTo = redirectOf(auth, c)
  const prepared = prepareCode(auth, {
    purpose: user.email === null ? 'sms' : 'signup',
    user: { id: user.id, email: user.email, raw_user_meta_data: user.userMetadata },
    address: user.email ?? user.phone ?? '',
    redirectTo,
    flowId: flow.flowId,
    at: user.at,
  })
  const statements = [
    ...storeAccount(user, unproven),
    ...flow.statements,
    ...prepared.statements,
    ...prepared.message,
    findUser(user.id, user.at),
  ]
  try {
    const stored = await storeAndRead(auth, c, user, statements)
    return toUserJson(stored)
  } catch (error) {
    if (!isTaken(error)) throw error
    await remindAccount(auth, c, user, beginMailFlow(body, 'email/signup', user.at))
    return pretend(user, await asStored(auth, user.userMetadata))
  }
}

async function signUpAnonymously(auth: AuthContext, c: AuthRequest, body: SignUp) {
  if (!auth.settings.externalAnonymousUsersEnabled) throw authErrors.anonymous_provider_disabled()
  if (auth.settings.disableSignup) throw authErrors.signup_disabled()
  await auth.limits.anonymousSignIn(c.var.clientAddress)
  const user = draftUser({ passwordHash: null, userMetadata: body.data, at: auth.clock.now() })
  await requireWelcome(auth, user, c.var.clientAddress)
  return signUpAndIn(auth, c, user, 'anonymous')
}

/** The account and its first session, in one transaction: neither exists without the other. */
async function signUpAndIn(auth: AuthContext, c: AuthRequest, user: NewUser, method: SignInMethod) {
  const { stored, facts } = startSession(auth, user.id, method, deviceOf(c))
  const row = await storeAndRead(auth, c, user, [
    ...storeAccount(user, confirmedUnasked),
    openSession(stored),
  ])
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

/** Metadata as PostgreSQL gives it back: keys in its own order, numbers in its own form. */
async function asStored({ database }: AuthContext, metadata: JsonObject): Promise<JsonObject> {
  const { rows } = await database.asOwner<{ metadata: JsonObject }>(
    sql`select ${JSON.stringify(metadata)}::jsonb as metadata`,
  )
  return rows[0]!.metadata
}

/** What a stranger is told when the address has an account already: the account that would have been made. */
function pretend(user: NewUser, userMetadata: JsonObject): JsonObject {
  const at = user.at.toISOString().replace(/\.?0{0,3}Z$/, 'Z')
  const provider = user.email === null ? 'phone' : 'email'
  const address = user.email ?? user.phone ?? ''
  const identity = {
    identity_id: crypto.randomUUID(),
    id: user.id,
    user_id: user.id,
    identity_data: { sub: user.id, [provider]: address, email_verified: false, phone_verified: false },
    provider,
    last_sign_in_at: at,
    created_at: at,
    updated_at: at,
    ...(user.email === null ? {} : { email: address }),
  }
  return {
    id: user.id,
    aud: 'authenticated',
    role: user.role,
    email: user.email ?? '',
    phone: user.phone ?? '',
    confirmation_sent_at: at,
    app_metadata: user.appMetadata,
    user_metadata: userMetadata,
    identities: [identity],
    created_at: at,
    updated_at: at,
    is_anonymous: false,
  }
}
