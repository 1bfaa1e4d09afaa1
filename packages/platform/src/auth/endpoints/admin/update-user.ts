import { actorOfRequest, type Endpoint, readBody } from '../../request.ts'
import { banEnd } from '../../users/ban-duration.ts'
import { requireEmail } from '../../users/normalise-email.ts'
import { requirePhone } from '../../users/normalise-phone.ts'
import { saveAccount } from '../../users/save-account.ts'
import { toUserJson } from '../../users/user-json.ts'
import { adminAttributes, passwordHashOf } from './attributes.ts'
import { audit } from './audit.ts'
import { requireUserOfPath } from './user-id.ts'

/** `PUT /admin/users/:id`. A new password ends all sessions of the user; a ban ends no session but its refreshing. */
export const updateUserById: Endpoint = (auth) => async (c) => {
  const user = await requireUserOfPath(auth, c)
  const body = await readBody(c, adminAttributes)
  const email = body.email === undefined ? undefined : requireEmail(body.email)
  const phone = body.phone === undefined ? undefined : requirePhone(body.phone)
  const at = auth.clock.now()
  const saved = await saveAccount(auth, actorOfRequest(c), user, {
    email: email === user.email ? undefined : email,
    confirmed: body.email_confirm,
    phone: phone === user.phone ? undefined : phone,
    phoneConfirmed: body.phone_confirm,
    passwordHash: await passwordHashOf(auth, c, body),
    role: body.role,
    userMetadata: body.user_metadata,
    appMetadata: body.app_metadata,
    bannedUntil: body.ban_duration === undefined ? undefined : banEnd(body.ban_duration, at),
    also: [audit(c, at, 'user_modified', user.id)],
  })
  return c.json(toUserJson(saved))
}
