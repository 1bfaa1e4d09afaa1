import { createHash } from 'node:crypto'
import { createRemoteJWKSet, errors as joseErrors, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { isLoopback } from '../../messages/index.ts'
import { authErrors } from '../errors.ts'
import type { Provider, ProviderIdentity } from './provider.ts'

export interface OidcClient {
  readonly issuer: string
  readonly clientId: string
  readonly secret: string | undefined
}

/** Longest wait for the provider, in seconds. */
const patience = 10

/** Any provider of OpenID Connect, by its discovery document, with PKCE, state and nonce. */
export function createOidcProvider({ issuer, clientId, secret }: OidcClient): Provider {
  const address = new URL(issuer)
  const execute =
    address.protocol === 'http:' && isLoopback(address.hostname) ? [oidc.allowInsecureRequests] : []
  let found: Promise<oidc.Configuration> | undefined
  /** Read once; a failure is forgotten, so that the next sign-in tries again. */
  const discover = () =>
    (found ??= oidc
      .discovery(address, clientId, secret, undefined, { execute, timeout: patience })
      .catch((error: unknown) => {
        found = undefined
        throw error
      }))
  return {
    authorizationUrl: async ({ state, nonce, verifier, redirectUri }, scopes, extra) => {
      const config = await discover()
      const parameters = new URLSearchParams(extra)
      const own = {
        redirect_uri: redirectUri,
        scope: ['openid', 'email', 'profile', ...(scopes ? scopes.split(/[ ,]/, 50) : [])].join(' '),
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(own)) parameters.set(name, value)
      return oidc.buildAuthorizationUrl(config, parameters).href
    },
    identify: async (callback, { state, nonce, verifier }) => {
      const config = await discover()
      const tokens = await oidc.authorizationCodeGrant(config, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims()!
      const more = config.serverMetadata().userinfo_endpoint
        ? await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
        : {}
      const identity = identityOf({ ...claims, ...more })
      return { ...identity, accessToken: tokens.access_token, refreshToken: tokens.refresh_token ?? null }
    },
    identifyToken: async (idToken, nonce, at) => {
      const metadata = (await discover()).serverMetadata()
      const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''), { timeoutDuration: patience * 1000 })
      const { payload } = await jwtVerify(idToken, keys, {
        issuer: metadata.issuer,
        audience: clientId,
        currentDate: at,
        requiredClaims: ['sub', 'exp', 'iat'],
      }).catch((error: unknown) => {
        if (error instanceof joseErrors.JOSEError)
          throw authErrors.validation_failed({ problem: 'Bad ID token' }, error)
        throw error
      })
      checkNonce(payload['nonce'], nonce)
      return identityOf(payload)
    },
  }
}

/** The token has the SHA-256 of the nonce, so that who reads the token does not know the nonce. */
function checkNonce(claimed: unknown, given: string | undefined): void {
  if ((claimed === undefined) !== (given === undefined)) {
    const problem = 'Passed nonce and nonce in id_token should either both exist or not.'
    throw authErrors.validation_failed({ problem })
  }
  if (given === undefined) return
  if (claimed !== createHash('sha256').update(given).digest('hex')) {
    throw authErrors.validation_failed({ problem: 'Nonces mismatch' })
  }
}

const kept = [
  'name',
  'full_name',
  'preferred_username',
  'nickname',
  'given_name',
  'family_name',
  'picture',
  'locale',
  'iss',
]

function identityOf(claims: Readonly<Record<string, unknown>>): ProviderIdentity {
  const email =
    typeof claims['email'] === 'string' && claims['email'] !== '' ? claims['email'].toLowerCase() : null
  const { picture, name } = claims
  return {
    subject: String(claims['sub']),
    email,
    emailVerified:
      email !== null && (claims['email_verified'] === true || claims['email_verified'] === 'true'),
    metadata: {
      ...Object.fromEntries(kept.flatMap((key) => textOf(claims, key))),
      ...(typeof picture === 'string' && picture.length <= 500 ? { avatar_url: picture } : {}),
      ...(typeof name === 'string' && name.length <= 500 ? { full_name: name } : {}),
    },
    accessToken: null,
    refreshToken: null,
  }
}

/** Only texts are kept, and not endless ones: every access token carries them. */
function textOf(
  claims: Readonly<Record<string, unknown>>,
  key: string,
): readonly (readonly [string, string])[] {
  const value = claims[key]
  return typeof value === 'string' && value.length <= 500 && value.isWellFormed() ? [[key, value]] : []
}
