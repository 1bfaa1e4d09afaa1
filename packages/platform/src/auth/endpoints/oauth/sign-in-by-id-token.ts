import { z } from 'zod'
import type { Transaction } from '../../../database/index.ts'
import { authErrors } from '../../errors.ts'
import { accountOfIdentity, linkIdentity, toIdentity } from '../../flows/sign-in-with-identity.ts'
import { actorOfRequest, deviceOf, type Endpoint, readBody, requireSignedIn } from '../../request.ts'
import { grantTokens } from '../../sessions/access-token.ts'
import { startSession } from '../../sessions/start-session.ts'
import { workOnAccounts } from '../../store/account-transaction.ts'
import { openSession } from '../../store/sessions.ts'
import type { UserRow } from '../../users/user-row.ts'
import { optionalFlag, optionalText } from '../fields.ts'

const schema = z.object({
  provider: optionalText,
  id_token: optionalText,
  nonce: optionalText,
  link_identity: optionalFlag,
})

/** `POST /token?grant_type=id_token`: for apps that sign in with a provider's own kit and have its id token. */
export const signInByIdToken: Endpoint = (auth) => async (c) => {
  const { provider: name, id_token: token, nonce, link_identity: links } = await readBody(c, schema)
  if (!token || !name) throw authErrors.validation_failed({ problem: 'provider and id_token are required' })
  const provider = auth.providers.get(name)
  if (!provider?.identifyToken) throw authErrors.provider_disabled()
  if (links && !auth.settings.securityManualLinkingEnabled) throw authErrors.manual_linking_disabled()
  await auth.limits.signIn(c.var.clientAddress)
  const signedIn = links ? await requireSignedIn(auth, c) : undefined
  const found = await provider.identifyToken(token, nonce, auth.clock.now())
  const work = async (transaction: Transaction) => {
    const userId = signedIn?.user.id ?? (await accountOfIdentity(auth, transaction, name, found))
    if (signedIn) await linkIdentity(auth, transaction, userId, toIdentity(name, found))
    const { stored, facts } = startSession(auth, userId, 'oauth', deviceOf(c))
    const { rows } = await transaction.query<UserRow>(openSession(stored))
    if (!rows[0]) throw authErrors.user_banned()
    return { user: rows[0], facts }
  }
  const { user, facts } = await workOnAccounts(
    auth.database,
    actorOfRequest(c),
    'Database error saving new user',
    work,
  )
  return c.json(await grantTokens(auth, user, facts))
}
