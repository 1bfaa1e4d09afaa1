import { z } from 'zod'
import { hasCode } from '../../kernel/index.ts'
import type { AuthContext } from '../auth-context.ts'
import { prepareCode } from '../codes/prepare-code.ts'
import { authErrors } from '../errors.ts'
import { requireWelcome } from '../hooks/run-hook.ts'
import { requireMail } from '../messages/outbox.ts'
import {
  type AuthRequest,
  actorOfRequest,
  type Endpoint,
  noSooner,
  readBody,
  redirectOf,
  requireSignedIn,
} from '../request.ts'
import { accountTransaction } from '../store/account-transaction.ts'
import { draftUser, storeAccount, unproven } from '../users/create-account.ts'
import { metadataSchema } from '../users/metadata.ts'
import { requireEmail } from '../users/normalise-email.ts'
import { requirePhone } from '../users/normalise-phone.ts'
import { optionalFlag, optionalText } from './fields.ts'
import { beginMailFlow, type PkceFields, pkceFields, readChallenge } from './pkce.ts'
import { type Address, findAccount, requireSms, sendCode } from './remind-account.ts'

const noFlow = { flowId: null, statements: [] }

const otpSchema = z.object({
  email: optionalText,
  phone: optionalText,
  create_user: optionalFlag,
  data: metadataSchema,
  channel: optionalText,
  ...pkceFields,
})

/**
 * `POST /otp` and `POST /magiclink`: sends a code and a link that sign in. An unknown address gets an account where
 * strangers may make one; the answer is the same.
 */
export const sendOtp: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, otpSchema)
  if (body.email && body.phone) {
    const problem = 'Only an email address or phone number should be provided'
    throw authErrors.validation_failed({ problem })
  }
  if (!body.email && !body.phone) {
    throw authErrors.validation_failed({ problem: 'One of email or phone must be set' })
  }
  if (body.channel && body.channel !== 'sms') {
    throw authErrors.validation_failed({ problem: 'Invalid channel, supported values are sms' })
  }
  readChallenge(body)
  const address = await readAddress(auth, c, body)
  await noSooner(() => sendOrSignUp(auth, c, body, address))
  return c.json({})
}

/** The address, counted against the limits whether it has an account or not. */
async function readAddress(auth: AuthContext, c: AuthRequest, { email, phone }: Address): Promise<Address> {
  const { settings, limits, outbox } = auth
  if (email) {
    if (!settings.externalEmailEnabled)
      throw authErrors.email_provider_disabled({ feature: 'Sign-in by e-mail' })
    const address = requireEmail(email)
    await limits.askForCode(c.var.clientAddress)
    requireMail(outbox, 'Sending a code')
    await limits.sendMail(address)
    return { email: address }
  }
  if (!settings.externalPhoneEnabled) throw authErrors.phone_provider_disabled()
  const number = requirePhone(phone ?? '')
  await limits.askForCode(c.var.clientAddress)
  requireSms(outbox)
  await limits.sendSms(number)
  return { phone: number }
}

async function sendOrSignUp(
  auth: AuthContext,
  c: AuthRequest,
  body: z.output<typeof otpSchema>,
  address: Address,
): Promise<void> {
  const account = await findAccount(auth, address)
  if (account) return sendSignIn(auth, c, body, address)
  if (body.create_user === false || auth.settings.disableSignup) return
  try {
    await signUpByCode(auth, c, body, address)
  } catch (error) {
    if (!hasCode(error, 'email_exists') && !hasCode(error, 'phone_exists')) throw error
    await sendSignIn(auth, c, body, address)
  }
}

async function sendSignIn(auth: AuthContext, c: AuthRequest, fields: PkceFields, address: Address) {
  const account = await findAccount(auth, address)
  if (!account || account.is_banned) return
  if (address.phone) return sendCode(auth, c, account, 'sms', { address: address.phone, flow: noFlow })
  const purpose = account.email_confirmed_at ? 'magiclink' : 'signup'
  const flow = beginMailFlow(fields, purpose === 'signup' ? 'email/signup' : 'magiclink', auth.clock.now())
  return sendCode(auth, c, account, purpose, { address: address.email ?? '', flow })
}

async function signUpByCode(
  auth: AuthContext,
  c: AuthRequest,
  body: z.output<typeof otpSchema>,
  { email, phone }: Address,
): Promise<void> {
  const at = auth.clock.now()
  const user = draftUser({ email, phone, passwordHash: null, userMetadata: body.data, at })
  await requireWelcome(auth, user, c.var.clientAddress)
  const flow = phone ? noFlow : beginMailFlow(body, 'email/signup', at)
  const prepared = prepareCode(auth, {
    purpose: phone ? 'sms' : 'signup',
    user: { id: user.id, email: user.email, raw_user_meta_data: user.userMetadata },
    address: email ?? phone ?? '',
    redirectTo: redirectOf(auth, c),
    flowId: flow.flowId,
    at,
  })
  const statements = [
    ...storeAccount(user, unproven),
    ...flow.statements,
    ...prepared.statements,
    ...prepared.message,
  ]
  const actor = actorOfRequest(c, user.id)
  await accountTransaction(
    auth.database,
    actor,
    'Database error saving new user',
    statements,
    () => undefined,
  )
}

const recoverSchema = z.object({ email: optionalText, ...pkceFields })

/** `POST /recover`: sends a link that signs in to choose a new password. The answer never tells whether there is an account. */
export const recover: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, recoverSchema)
  if (!body.email) throw authErrors.validation_failed({ problem: 'Password recovery requires an email' })
  const email = requireEmail(body.email)
  await auth.limits.askForCode(c.var.clientAddress)
  requireMail(auth.outbox, 'Password recovery')
  await auth.limits.sendMail(email)
  const flow = beginMailFlow(body, 'recovery', auth.clock.now())
  await noSooner(async () => {
    const account = await findAccount(auth, { email })
    if (account && !account.is_banned) await sendCode(auth, c, account, 'recovery', { address: email, flow })
  })
  return c.json({})
}

const resendSchema = z.object({
  type: z.enum(['signup', 'email_change', 'sms', 'phone_change']),
  email: optionalText,
  phone: optionalText,
  ...pkceFields,
})

/** `POST /resend`: sends once more what is still to be confirmed. */
export const resend: Endpoint = (auth) => async (c) => {
  const body = await readBody(c, resendSchema)
  const byMail = body.type === 'signup' || body.type === 'email_change'
  const [needed, other] = byMail ? [body.email, body.phone] : [body.phone, body.email]
  if (!needed || other) {
    const wanted = byMail ? 'an email address' : 'a phone number'
    throw authErrors.validation_failed({ problem: `Type provided requires ${wanted}` })
  }
  readChallenge(body)
  const address = await readAddress(auth, c, byMail ? { email: needed } : { phone: needed })
  await noSooner(() => resendPending(auth, c, body, address))
  return c.json({})
}

async function resendPending(
  auth: AuthContext,
  c: AuthRequest,
  body: z.output<typeof resendSchema>,
  address: Address,
): Promise<void> {
  const account = await findAccount(auth, address)
  if (!account || account.is_banned) return
  const at = auth.clock.now()
  const flowOf = (method: 'email/signup' | 'email_change') => beginMailFlow(body, method, at)
  const { type } = body
  if (type === 'signup' && !account.email_confirmed_at && address.email)
    await sendCode(auth, c, account, 'signup', { address: address.email, flow: flowOf('email/signup') })
  if (type === 'sms' && !account.phone_confirmed_at && address.phone)
    await sendCode(auth, c, account, 'sms', { address: address.phone, flow: noFlow })
  if (type === 'phone_change' && account.new_phone)
    await sendCode(auth, c, account, 'phone_change', { address: account.new_phone, flow: noFlow })
  if (type === 'email_change' && account.new_email && account.email) {
    if (auth.settings.mailerSecureEmailChangeEnabled) {
      const current = { address: account.email.toLowerCase(), flow: flowOf('email_change') }
      await sendCode(auth, c, account, 'email_change_current', current)
    }
    const next = { address: account.new_email, flow: flowOf('email_change') }
    await sendCode(auth, c, account, 'email_change_new', next)
  }
}

/** `GET /reauthenticate`: sends the signed-in user a code, which a new password has to come with. */
export const reauthenticate: Endpoint = (auth) => async (c) => {
  const { user } = await requireSignedIn(auth, c)
  await auth.limits.askForCode(c.var.clientAddress)
  if (user.email) {
    if (!user.email_confirmed_at) throw authErrors.email_not_confirmed()
    requireMail(auth.outbox, 'Reauthentication')
    await auth.limits.sendMail(user.email)
    const address = user.email.toLowerCase()
    await sendCode(auth, c, user, 'reauthentication', { address, flow: noFlow })
  } else {
    const problem = 'Reauthentication requires the user to have an email'
    throw authErrors.validation_failed({ problem })
  }
  return c.json({})
}
