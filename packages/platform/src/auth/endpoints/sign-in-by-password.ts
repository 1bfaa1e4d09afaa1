import { z } from 'zod'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { longestPassword } from '../passwords/password-rules.ts'
import type { Turn } from '../passwords/waiting-line.ts'
import { deviceOf, type Endpoint, noSooner, readBody, turnOf } from '../request.ts'
import { grantTokens } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { explainFailure } from '../store/account-transaction.ts'
import { openSession } from '../store/sessions.ts'
import type { AccountRow } from '../store/users.ts'
import { normaliseEmail } from '../users/normalise-email.ts'
import { normalisePhone } from '../users/normalise-phone.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalPassword, optionalText } from './fields.ts'
import { type Address, findAccount } from './remind-account.ts'

const schema = z.object({ email: optionalText, phone: optionalText, password: optionalPassword })

/**
 * `POST /token?grant_type=password`. An unknown address and a wrong password get the same answer after the
 * same time. What else is wrong with an account (banned, unconfirmed) is told only to who knows its password.
 */
export const signInByPassword: Endpoint = (auth) => async (c) => {
  const { email, phone, password } = await readBody(c, schema)
  if (phone && email) {
    const problem = 'Only an email address or phone number should be provided on login.'
    throw authErrors.validation_failed({ problem })
  }
  if ((!email && !phone) || !password) {
    throw authErrors.validation_failed({ problem: 'missing email or phone, or password' })
  }
  if (phone && !auth.settings.externalPhoneEnabled) throw authErrors.phone_provider_disabled()
  if (email && !auth.settings.externalEmailEnabled)
    throw authErrors.email_provider_disabled({ feature: 'Sign-in by e-mail' })
  await auth.limits.signIn(c.var.clientAddress)
  const address = email ? { email: normaliseEmail(email) } : { phone: normalisePhone(phone ?? '') }
  if ((!address.email && !address.phone) || Buffer.byteLength(password) > longestPassword)
    throw authErrors.invalid_credentials()

  const turn = turnOf(auth, c)
  const account = await checkCredentials(auth, address, password, turn)
  if (account.is_banned) throw authErrors.user_banned()
  if (address.email && !account.email_confirmed_at) throw authErrors.email_not_confirmed()
  if (address.phone && !account.phone_confirmed_at) throw authErrors.phone_not_confirmed()

  const { stored, facts } = startSession(auth, account.id, 'password', deviceOf(c), {
    checkedHash: account.encrypted_password,
    betterHash: await betterHash(auth, account, password, turn),
  })
  const { rows } = await auth.database.asOwner<UserRow>(openSession(stored)).catch((error: unknown) => {
    throw explainFailure(error, 'Database error granting user')
  })
  const user = rows[0]
  if (!user) throw authErrors.invalid_credentials()
  return c.json(await grantTokens(auth, user, facts))
}

async function checkCredentials(
  auth: AuthContext,
  address: Address,
  password: string,
  turn: Turn,
): Promise<AccountRow> {
  const { limits, passwords } = auth
  const counted = address.email ?? address.phone ?? ''
  await limits.requireOpenAccount(counted)
  let account: AccountRow | undefined
  const findHash = async () => {
    account = await findAccount(auth, address)
    return account?.encrypted_password ?? null
  }
  const check = async () => {
    const right = await passwords.verify(findHash, password, turn)
    await limits.requireOpenAccount(counted)
    if (right && account) return account
    await limits.wrongPassword(counted)
    return undefined
  }
  const found = await noSoonerUnless(check)
  if (!found) throw authErrors.invalid_credentials()
  await limits.rightPassword(counted)
  return found
}

/** Only refusals have to take the same time: who gets in knows that there is an account. */
async function noSoonerUnless(check: () => Promise<AccountRow | undefined>): Promise<AccountRow | undefined> {
  const checked = check()
  const refusal = noSooner(() => checked)
  refusal.catch(() => undefined)
  return (await checked.catch(() => undefined)) ?? refusal
}

/** Imported accounts move to our own kind of hash the first time that their password is at hand. */
async function betterHash({ passwords }: AuthContext, account: AccountRow, password: string, turn: Turn) {
  const stored = account.encrypted_password
  return stored && passwords.isOutdated(stored) ? passwords.hash(password, turn) : null
}
