import { deleteCookie, getCookie } from 'hono/cookie'
import { z } from 'zod'
import type { Transaction } from '../../../database/index.ts'
import { AppError, messageOf, newId } from '../../../kernel/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { hashToken } from '../../codes/code-secrets.ts'
import { authErrors } from '../../errors.ts'
import { describeRefusal, fragmentOf } from '../../flows/end-of-flow.ts'
import { accountOfIdentity, linkIdentity, toIdentity } from '../../flows/sign-in-with-identity.ts'
import type { ProviderIdentity } from '../../providers/provider.ts'
import { withValues } from '../../redirects/allowed-redirect.ts'
import { type AuthRequest, actorOfRequest, deviceOf, type Endpoint } from '../../request.ts'
import { grantTokens } from '../../sessions/access-token.ts'
import { startSession } from '../../sessions/start-session.ts'
import { workOnAccounts } from '../../store/account-transaction.ts'
import { type FlowRow, issueAuthCode, takeProviderState } from '../../store/flow-states.ts'
import { openSession } from '../../store/sessions.ts'
import type { UserRow } from '../../users/user-row.ts'
import { flowCookie, flowSeconds, requireProvider } from './authorize.ts'

const providerState = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  redirectUri: z.string(),
  linkUser: z.string().nullable(),
})

/**
 * `GET /callback`: where a provider sends the browser back to. Ends at the address that the flow began with, with the
 * session in the fragment, a code in the query (PKCE) or what went wrong.
 */
export const oauthCallback: Endpoint = (auth) => async (c) => {
  await auth.limits.tryCode(c.var.clientAddress)
  const flow = await takeFlow(auth, c)
  const target = flow.redirect_to ?? auth.settings.siteUrl
  try {
    return c.redirect(await finish(auth, c, flow, target), 302)
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    return c.redirect(withValues(target, describeRefusal(error), 'both'), 302)
  }
}

/** The flow that the state names, for this request alone, in the browser that began it. Fails with `bad_oauth_state`. */
async function takeFlow(auth: AuthContext, c: AuthRequest): Promise<FlowRow> {
  const state = c.req.query('state') ?? ''
  if (!z.guid().safeParse(state).success) throw authErrors.bad_oauth_state()
  const isOwnBrowser = getCookie(c, flowCookie(state)) === '1'
  const { rows } = await auth.database.asOwner<FlowRow>(takeProviderState(state, auth.clock.now()))
  const flow = rows[0]
  if (!flow || flow.created_at + flowSeconds * 1000 <= auth.clock.now().getTime())
    throw authErrors.bad_oauth_state()
  const path = `${new URL(auth.url).pathname.replace(/\/$/, '')}/auth/v1/callback`
  deleteCookie(c, flowCookie(state), { path })
  if (!isOwnBrowser && !flow.provider_state?.['linkUser']) throw authErrors.bad_oauth_state()
  return flow
}

async function finish(auth: AuthContext, c: AuthRequest, flow: FlowRow, target: string): Promise<string> {
  const check = providerState.parse(flow.provider_state)
  const refused = c.req.query('error')
  if (refused) {
    const problem = (c.req.query('error_description') ?? refused).slice(0, 300)
    throw authErrors.bad_oauth_callback({ problem })
  }
  const provider = requireProvider(auth, flow.provider_type)
  const callback = new URL(check.redirectUri)
  callback.search = new URL(c.req.url).search
  const found = await provider.identify(callback, check).catch((error: unknown) => {
    c.var.log.warn({ err: error, provider: flow.provider_type }, 'a provider’s answer was not accepted')
    throw authErrors.bad_oauth_callback({ problem: 'Unable to exchange external code' }, messageOf(error))
  })
  return signIn(auth, c, flow, found, { target, linkUser: check.linkUser })
}

async function signIn(
  auth: AuthContext,
  c: AuthRequest,
  flow: FlowRow,
  found: ProviderIdentity,
  { target, linkUser }: { readonly target: string; readonly linkUser: string | null },
): Promise<string> {
  const work = async (transaction: Transaction) => {
    const userId = linkUser ?? (await accountOfIdentity(auth, transaction, flow.provider_type, found))
    if (linkUser !== null)
      await linkIdentity(auth, transaction, linkUser, toIdentity(flow.provider_type, found))
    if (flow.code_challenge !== null) {
      const authCode = newId()
      const tokens = { access: found.accessToken, refresh: found.refreshToken }
      await transaction.query(issueAuthCode(flow.id, userId, hashToken(authCode), auth.clock.now(), tokens))
      return { authCode }
    }
    const { stored, facts } = startSession(auth, userId, 'oauth', deviceOf(c))
    const { rows } = await transaction.query<UserRow>(openSession(stored))
    if (!rows[0]) throw authErrors.user_banned()
    return { user: rows[0], facts }
  }
  const outcome = await workOnAccounts(
    auth.database,
    actorOfRequest(c),
    'Database error saving new user',
    work,
  )
  if ('authCode' in outcome) return withValues(target, { code: outcome.authCode }, 'query')
  const session = fragmentOf(await grantTokens(auth, outcome.user, outcome.facts))
  const tokens = {
    ...(found.accessToken ? { provider_token: found.accessToken } : {}),
    ...(found.refreshToken ? { provider_refresh_token: found.refreshToken } : {}),
  }
  return withValues(target, { ...session, ...tokens }, 'fragment')
}
