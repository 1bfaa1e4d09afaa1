import type { JsonObject } from '../../kernel/index.ts'

/** Who somebody is by the word of another provider. */
export interface ProviderIdentity {
  /** Unique at the provider, for ever. */
  readonly subject: string
  readonly email: string | null
  /** Whether the provider has proven the address. */
  readonly emailVerified: boolean
  /** What the identity and a new account keep: name, picture, … */
  readonly metadata: JsonObject
  /** Tokens for the provider's own API; null for a sign-in by id token. */
  readonly accessToken: string | null
  readonly refreshToken: string | null
}

/** What the answer of a provider is checked with; kept on the server between the two halves. */
export interface ProviderCheck {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly redirectUri: string
}

/** A provider that people sign in with. */
export interface Provider {
  /** Where the browser goes to sign in there. */
  authorizationUrl(check: ProviderCheck, scopes: string | undefined, extra: URLSearchParams): Promise<string>
  /** Who came back; `callback` is the whole address with `code` and `state`. */
  identify(callback: URL, check: ProviderCheck): Promise<ProviderIdentity>
  /** Who an id token names, for apps that sign in with the provider's own kit. Left out where there are none. */
  identifyToken?(idToken: string, nonce: string | undefined, at: Date): Promise<ProviderIdentity>
}
