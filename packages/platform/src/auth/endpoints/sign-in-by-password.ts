import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { AuthContext } from '../auth-context.ts'
import { authErrors } from '../errors.ts'
import { longestPassword } from '../passwords/password-rules.ts'
import { deviceOf, type Endpoint, readBody } from '../request.ts'
import { grantTokens } from '../sessions/access-token.ts'
import { startSession } from '../sessions/start-session.ts'
import { explainFailure } from '../store/account-transaction.ts'
import { openSession } from '../store/sessions.ts'
import { type AccountRow, findUserByEmail } from '../store/users.ts'
import { normaliseEmail } from '../users/normalise-email.ts'
import type { UserRow } from '../users/user-row.ts'
import { optionalPassword, optionalText } from './fields.ts'

const schema = z.object({ email: optionalText, phone: optionalText, password: optionalPassword })

/**
 * `POST /token?grant_type=password`. An unknown address and a wrong password get the same answer after the
 * same time. What else is wrong with an account (banned, unconfirmed) is told only to who knows its password.
 */
export const signInByPassword: Endpoint = (auth) => async (c) => {
  const { email: given, phone, password } = await readBody(c, schema)
  if (phone && given) {
    const problem = 'Only an email address or phone number should be provided on login.'
    throw authErrors.validation_failed({ problem })
  }
  if (phone) throw authErrors.phone_provider_disabled()
  if (!given || !password) {
    throw authErrors.validation_failed({ problem: 'missing email or phone, or password' })
  }
  await auth.limits.signIn(c.var.clientAddress)
  const email = normaliseEmail(given)
  if (!email || Buffer.byteLength(password) > longestPassword) throw authErrors.invalid_credentials()

  const account = await checkCredentials(auth, email, password)
  if (account.is_banned) throw authErrors.user_banned()
  if (!account.email_confirmed_at) throw authErrors.email_not_confirmed()

  const hashes = {
    checkedHash: account.encrypted_password,
    betterHash: await betterHash(auth, account, password),
  }
  const { stored, facts } = startSession(account.id, 'password', deviceOf(c), auth.clock.now(), hashes)
  const { rows } = await auth.database.asOwner<UserRow>(openSession(stored)).catch((error: unknown) => {
    throw explainFailure(error, 'Database error granting user')
  })
  const user = rows[0]
  if (!user) throw authErrors.invalid_credentials()
  return c.json(await grantTokens(auth, user, facts))
}

/**
 * A refusal comes no sooner than this, in milliseconds: checking the bcrypt hash of an imported account takes about
 * 50 ms and our own kind about 20, which would tell the address of an imported account from an unknown one.
 */
const soonestRefusal = 150

async function checkCredentials(auth: AuthContext, email: string, password: string): Promise<AccountRow> {
  const { limits, passwords, database, clock } = auth
  const soonest = sleep(soonestRefusal, undefined, { ref: false })
  await limits.requireOpenAccount(email)
  let account: AccountRow | undefined
  const findHash = async () => {
    const { rows } = await database.asOwner<AccountRow>(findUserByEmail(email, clock.now()))
    account = rows[0]
    return account?.encrypted_password ?? null
  }
  const right = await passwords.verify(findHash, password)
  await limits.requireOpenAccount(email)
  if (!right || !account) {
    await limits.wrongPassword(email)
    await soonest
    throw authErrors.invalid_credentials()
  }
  await limits.rightPassword(email)
  return account
}

/** Imported accounts move to our own kind of hash the first time that their password is at hand. */
async function betterHash({ passwords }: AuthContext, account: AccountRow, password: string) {
  const stored = account.encrypted_password
  return stored && passwords.isOutdated(stored) ? passwords.hash(password) : null
}
