import * as oauth from 'openid-client'
import { z } from 'zod'
import { isLoopback } from '../../messages/index.ts'
import type { Provider } from './provider.ts'

export interface GithubClient {
  /** `https://github.com`, or the address of a GitHub Enterprise server. */
  readonly url: string
  readonly clientId: string
  readonly secret: string | undefined
}

const user = z.object({
  id: z.number().int(),
  login: z.string(),
  name: z.string().nullish(),
  avatar_url: z.string().nullish(),
})
const emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }))

/** GitHub speaks OAuth 2.0 without OpenID Connect: the user and their addresses come from its API. */
export function createGithubProvider({ url, clientId, secret }: GithubClient): Provider {
  const base = url.replace(/\/$/, '')
  const api = base === 'https://github.com' ? 'https://api.github.com' : `${base}/api/v3`
  const config = new oauth.Configuration(
    {
      issuer: `${base}/login/oauth`,
      authorization_endpoint: `${base}/login/oauth/authorize`,
      token_endpoint: `${base}/login/oauth/access_token`,
    },
    clientId,
    secret,
  )
  config.timeout = 10
  if (base.startsWith('http:') && isLoopback(new URL(base).hostname)) oauth.allowInsecureRequests(config)
  const read = async (accessToken: string, path: string): Promise<unknown> => {
    const headers = new Headers({ accept: 'application/vnd.github+json', 'user-agent': 'plinth' })
    const answer = await oauth.fetchProtectedResource(
      config,
      accessToken,
      new URL(`${api}${path}`),
      'GET',
      null,
      headers,
    )
    if (!answer.ok) throw new Error(`GitHub answered ${answer.status} at ${path}`)
    return answer.json()
  }
  return {
    authorizationUrl: async ({ state, verifier, redirectUri }, scopes, extra) => {
      const parameters = new URLSearchParams(extra)
      const own = {
        redirect_uri: redirectUri,
        scope: ['user:email', ...(scopes ? scopes.split(/[ ,]/, 50) : [])].join(' '),
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(own)) parameters.set(name, value)
      return oauth.buildAuthorizationUrl(config, parameters).href
    },
    identify: async (callback, { state, verifier }) => {
      const tokens = await oauth.authorizationCodeGrant(config, callback, {
        expectedState: state,
        pkceCodeVerifier: verifier,
      })
      const [profile, addresses] = await Promise.all([
        read(tokens.access_token, '/user').then((body) => user.parse(body)),
        read(tokens.access_token, '/user/emails').then((body) => emails.parse(body)),
      ])
      const address = addresses.find(({ primary }) => primary) ?? addresses[0]
      return {
        subject: String(profile.id),
        email: address?.email.toLowerCase() ?? null,
        emailVerified: address?.verified ?? false,
        metadata: {
          iss: api,
          user_name: profile.login,
          preferred_username: profile.login,
          ...(profile.name ? { name: profile.name, full_name: profile.name } : {}),
          ...(profile.avatar_url ? { avatar_url: profile.avatar_url } : {}),
        },
        accessToken: tokens.access_token,
        refreshToken: tokens.refresh_token ?? null,
      }
    },
  }
}
