import { authErrors } from '../../errors.ts'
import { actorOfRequest, type Endpoint, readBody, requireAdmin } from '../../request.ts'
import { accountTransaction } from '../../store/account-transaction.ts'
import { findUser, updateUser } from '../../store/users.ts'
import { banEnd } from '../../users/ban-duration.ts'
import { draftUser, storeAccount } from '../../users/create-account.ts'
import { requireEmail } from '../../users/normalise-email.ts'
import { requirePhone } from '../../users/normalise-phone.ts'
import { toUserJson } from '../../users/user-json.ts'
import { adminAttributes, passwordHashOf } from './attributes.ts'
import { audit } from './audit.ts'

/** `POST /admin/users`: an account without a session, its addresses confirmed only by `email_confirm`, `phone_confirm`. */
export const createUser: Endpoint = (auth) => async (c) => {
  requireAdmin(c)
  const body = await readBody(c, adminAttributes)
  if (!body.email && !body.phone) {
    throw authErrors.validation_failed({ problem: 'Cannot create a user without either an email or phone' })
  }
  const at = auth.clock.now()
  const bannedUntil = body.ban_duration === undefined ? undefined : banEnd(body.ban_duration, at)
  const user = draftUser({
    id: body.id,
    email: body.email ? requireEmail(body.email) : null,
    phone: body.phone ? requirePhone(body.phone) : null,
    passwordHash: (await passwordHashOf(auth, c, body)) ?? null,
    userMetadata: body.user_metadata,
    appMetadata: body.app_metadata,
    role: body.role,
    at,
  })
  const failure = 'Database error creating new user'
  const statements = [
    ...storeAccount(user, vouched(body.email_confirm), vouched(body.phone_confirm)),
    ...(bannedUntil ? [updateUser(user.id, { bannedUntil }, at)] : []),
    audit(c, at, 'user_signedup', user.id),
    findUser(user.id, at),
  ]
  const created = await accountTransaction(auth.database, actorOfRequest(c), failure, statements, (row) => {
    if (!row) throw authErrors.unexpected_failure({ problem: failure })
    return toUserJson(row)
  })
  return c.json(created)
}

/** An administrator who confirms an address vouches for it. */
const vouched = (confirmed: boolean | undefined) => ({
  confirmed: confirmed ?? false,
  proven: confirmed ?? false,
})
