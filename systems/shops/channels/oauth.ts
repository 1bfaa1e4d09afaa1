import { createHash, createHmac } from 'node:crypto'
import type { Clock } from '@plinth/platform/kernel'
import { z } from 'zod'
import { shopErrors } from '../errors.ts'
import { isSame } from './adapters/genuine.ts'
import type { ChannelSettings, Platform } from './settings.ts'

export interface Grant {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly expiresAt: Date | null
}

/** What an authorisation is for; it comes back signed as `state`. */
const stateSchema = z.object({
  shop: z.uuid(),
  user: z.uuid(),
  platform: z.string(),
  redirect: z.url(),
  ends: z.number(),
})
export type OAuthState = z.output<typeof stateSchema>

/** OAuth 2.0 with PKCE (RFC 6749, 7636, 7009) at the platforms whose apps are set. */
export interface OAuth {
  /** Where an owner gives the platform's app access. Fails with `channel_not_set`. */
  authorizeUrl(platform: Platform, state: Omit<OAuthState, 'ends' | 'platform'>): string
  /** Fails with `oauth_refused` for a state that is not ours, of somebody else or too old. */
  readState(state: string, user: string): OAuthState
  exchange(state: OAuthState, code: string): Promise<Grant>
  /** Fails with `oauth_refused` when the platform does not take the refresh token any more. */
  refresh(platform: Platform, refreshToken: string): Promise<Grant>
  /** Whether the platform took it back; false where it has no address for that. */
  revoke(platform: Platform, token: string): Promise<boolean>
}

const minutes = 60_000
const stateLasts = 10 * minutes
const timeLimit = 20_000

const answerSchema = z.object({
  access_token: z.string().min(1).max(5_000),
  refresh_token: z.string().min(1).max(5_000).optional(),
  expires_in: z.coerce.number().positive().max(1e10).optional(),
})

export function createOAuth({
  settings,
  stateKey,
  clock,
}: {
  readonly settings: ChannelSettings
  readonly stateKey: Buffer
  readonly clock: Clock
}): OAuth {
  const sign = (text: string) => createHmac('sha256', stateKey).update(text).digest('base64url')
  // The verifier follows from the state, so nothing has to be kept until the owner comes back.
  const verifierOf = ({ shop, user, platform, redirect, ends }: OAuthState) =>
    sign(`verifier ${shop} ${user} ${platform} ${ends} ${redirect}`)
  const appOf = (platform: Platform) => {
    const { clientId, clientSecret, authorizeUrl, tokenUrl, revokeUrl, scope } = settings[platform]
    if (!clientId || !tokenUrl) throw shopErrors.channel_not_set({ platform })
    return { clientId, clientSecret, authorizeUrl, tokenUrl, revokeUrl, scope }
  }
  const ask = async (platform: Platform, fields: Readonly<Record<string, string>>): Promise<Grant> => {
    const { clientId, clientSecret, tokenUrl } = appOf(platform)
    const answer = await post(tokenUrl, {
      ...fields,
      client_id: clientId,
      ...(clientSecret ? { client_secret: clientSecret } : {}),
    })
    const text = await answer.text()
    if (answer.status >= 400 && answer.status < 500)
      throw shopErrors.oauth_refused({ platform, status: answer.status })
    if (!answer.ok)
      throw new Error(`${platform} answered the exchange of a token with status ${answer.status}.`)
    const { access_token, refresh_token, expires_in } = answerSchema.parse(JSON.parse(text))
    return {
      accessToken: access_token,
      refreshToken: refresh_token ?? null,
      expiresAt: expires_in === undefined ? null : new Date(clock.now().getTime() + expires_in * 1000),
    }
  }
  return {
    authorizeUrl: (platform, given) => {
      const { clientId, authorizeUrl, scope } = appOf(platform)
      if (!authorizeUrl) throw shopErrors.channel_not_set({ platform })
      const state: OAuthState = { ...given, platform, ends: clock.now().getTime() + stateLasts }
      const text = Buffer.from(JSON.stringify(state)).toString('base64url')
      const url = new URL(authorizeUrl)
      const query = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: given.redirect,
        state: `${text}.${sign(text)}`,
        code_challenge: createHash('sha256').update(verifierOf(state)).digest('base64url'),
        code_challenge_method: 'S256',
        ...(scope ? { scope } : {}),
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      return url.href
    },
    readState: (given, user) => {
      const [text = '', signature = ''] = given.split('.')
      if (!isSame(signature, sign(text))) throw shopErrors.oauth_refused()
      const state = stateSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
      if (state.user !== user || state.ends < clock.now().getTime()) throw shopErrors.oauth_refused()
      return state
    },
    exchange: (state, code) =>
      ask(state.platform as Platform, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: state.redirect,
        code_verifier: verifierOf(state),
      }),
    refresh: (platform, refreshToken) =>
      ask(platform, { grant_type: 'refresh_token', refresh_token: refreshToken }),
    revoke: async (platform, token) => {
      const { revokeUrl, clientId, clientSecret } = settings[platform]
      if (!revokeUrl) return false
      const answer = await post(revokeUrl, {
        token,
        ...(clientId ? { client_id: clientId } : {}),
        ...(clientSecret ? { client_secret: clientSecret } : {}),
      })
      await answer.body?.cancel()
      return answer.ok
    },
  }
}

const post = (url: string, fields: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeLimit),
  })
