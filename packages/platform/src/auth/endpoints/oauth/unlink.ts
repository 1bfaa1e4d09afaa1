import { z } from 'zod'
import { authErrors } from '../../errors.ts'
import { actorOfRequest, type Endpoint, requireSignedIn } from '../../request.ts'
import { accountTransaction } from '../../store/account-transaction.ts'
import { lockUser } from '../../store/factors.ts'
import { deleteIdentity, dropEmail, dropPhone } from '../../store/identities.ts'
import { refreshProviders } from '../../store/users.ts'

/** `DELETE /user/identities/:id`: a user's last identity stays; the address of a removed one goes with it. */
export const unlinkIdentity: Endpoint = (auth) => async (c) => {
  if (!auth.settings.securityManualLinkingEnabled) throw authErrors.manual_linking_disabled()
  const id = c.req.param('id') ?? ''
  if (!z.guid().safeParse(id).success) {
    throw authErrors.validation_failed({ problem: 'identity_id must be an UUID' })
  }
  const { user } = await requireSignedIn(auth, c)
  const removed = user.identities.find(({ identity_id }) => identity_id === id)
  if (!removed) throw authErrors.identity_not_found()
  if (user.identities.length < 2) throw authErrors.single_identity_not_deletable()
  const left = user.identities.filter((identity) => identity !== removed)
  const verified = left.filter(({ identity_data }) => identity_data['email_verified'] === true)
  const keepsEmail = left.some(({ email }) => email !== null && email === user.email)
  const at = auth.clock.now()
  const statements = [
    lockUser(user.id),
    deleteIdentity(user.id, id),
    ...(removed.provider === 'email' && !keepsEmail
      ? [dropEmail(user.id, verified[0]?.email ?? null, at)]
      : []),
    ...(removed.provider === 'phone' ? [dropPhone(user.id, at)] : []),
    refreshProviders(user.id),
  ]
  await accountTransaction(
    auth.database,
    actorOfRequest(c),
    'Database error deleting identity',
    statements,
    () => undefined,
  )
  return c.json({})
}
