import { setCookie } from 'hono/cookie'
import { newId, newSecret } from '../../../kernel/index.ts'
import type { AuthContext } from '../../auth-context.ts'
import { authErrors } from '../../errors.ts'
import type { Provider } from '../../providers/provider.ts'
import { type AuthRequest, type Endpoint, redirectOf, requireSignedIn } from '../../request.ts'
import { openFlow } from '../../store/flow-states.ts'
import { readChallenge } from '../pkce.ts'

/** How long somebody may take at the provider, in seconds. */
export const flowSeconds = 600

/** The browser that began a flow: the one that comes back must have it. */
export const flowCookie = (flowId: string) => `plinth-flow-${flowId}`

/** What a client may hand on to the provider. */
const passedOn = new Set([
  'prompt',
  'access_type',
  'login_hint',
  'hd',
  'audience',
  'ui_locales',
  'display',
  'max_age',
])

/** `GET /authorize?provider=…`: sends the browser to the provider. */
export const authorize: Endpoint = (auth) => async (c) => {
  const { url, flowId } = await beginFlow(auth, c, null)
  setCookie(c, flowCookie(flowId), '1', {
    httpOnly: true,
    secure: auth.url.startsWith('https:'),
    sameSite: 'Lax',
    path: `${new URL(auth.url).pathname.replace(/\/$/, '')}/auth/v1/callback`,
    maxAge: flowSeconds,
  })
  return c.req.query('skip_http_redirect') === 'true' ? c.json({ url }) : c.redirect(url, 302)
}

/** `GET /user/identities/authorize?provider=…`: where the signed-in user goes to link one more identity. */
export const authorizeLink: Endpoint = (auth) => async (c) => {
  if (!auth.settings.securityManualLinkingEnabled) throw authErrors.manual_linking_disabled()
  const { user } = await requireSignedIn(auth, c)
  const { url } = await beginFlow(auth, c, user.id)
  return c.req.query('skip_http_redirect') === 'true' ? c.json({ url }) : c.redirect(url, 302)
}

export function requireProvider({ providers }: AuthContext, name: string | undefined): Provider {
  const provider = providers.get(name ?? '')
  if (provider) return provider
  throw authErrors.validation_failed({ problem: 'Unsupported provider: provider is not enabled' })
}

async function beginFlow(auth: AuthContext, c: AuthRequest, linkUser: string | null) {
  const name = c.req.query('provider')
  const provider = requireProvider(auth, name)
  const challenge = readChallenge({
    code_challenge: c.req.query('code_challenge') || undefined,
    code_challenge_method: c.req.query('code_challenge_method') || undefined,
  })
  await auth.limits.tryCode(c.var.clientAddress)
  const flowId = newId()
  const check = {
    state: flowId,
    nonce: newSecret(24),
    verifier: newSecret(48),
    redirectUri: `${auth.url}/auth/v1/callback`,
  }
  const extra = new URLSearchParams(
    Object.entries(c.req.query()).filter(([key, value]) => passedOn.has(key) && value.length < 500),
  )
  const url = await provider.authorizationUrl(check, c.req.query('scopes'), extra)
  await auth.database.asOwner(
    openFlow({
      id: flowId,
      challenge: challenge?.challenge ?? null,
      challengeMethod: challenge?.challengeMethod ?? null,
      provider: name ?? '',
      method: 'oauth',
      redirectTo: redirectOf(auth, c),
      providerState: { ...check, linkUser },
      at: auth.clock.now(),
    }),
  )
  return { url, flowId }
}
