import { decodeProtectedHeader, errors, type JWK, type JWTPayload, jwtVerify } from 'jose'
import type { Caller } from '../../database/index.ts'
import type { Clock, Json, JsonObject } from '../../kernel/index.ts'
import { restErrors } from '../errors.ts'
import { readJwks } from './read-jwks.ts'
import type { RestSettings } from './settings.ts'

/** Says who a request's `Authorization` header speaks for. */
export type IdentifyCaller = (authorization: string | null) => Promise<Caller>

/** Follows PostgREST: the role of the token's claim, else the anonymous one; PGRST300–303 when neither will do. */
export function createIdentifier(settings: RestSettings, clock: Clock): IdentifyCaller {
  const verify = createVerifier(settings, clock)
  const anonymous = settings['db-anon-role']
  const path = claimPath(settings['jwt-role-claim-key'])
  return async (authorization) => {
    const token = bearerOf(authorization)
    if (token === '') throw restErrors.PGRST301({ problem: 'Empty JWT is sent in Authorization header' })
    const claims: JsonObject = token === undefined ? {} : await verify(token)
    const claimed = path.reduce<Json | undefined>(step, claims)
    const role = typeof claimed === 'string' && claimed !== '' ? claimed : anonymous
    if (role === undefined) throw restErrors.PGRST302()
    return { role, claims: { ...claims, role } }
  }
}

/** What stands behind `Bearer`, however malformed; undefined without the header or for another scheme. */
function bearerOf(authorization: string | null): string | undefined {
  const [scheme = '', ...rest] = (authorization ?? '').trim().split(/\s/)
  return scheme.toLowerCase() === 'bearer' ? rest.join(' ').trim() : undefined
}

const step = (value: Json | undefined, key: string): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key)
    ? (value as JsonObject)[key]
    : undefined

/** `.a."b c"` as its keys. */
const claimPath = (text: string): string[] =>
  [...text.matchAll(/\.(?:"([^"]+)"|([\w$@-]+))/g)].map((match) => match[1] ?? match[2]!)

const symmetric = ['HS256', 'HS384', 'HS512']
const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** How far the clocks of issuer and server may differ, as PostgREST allows. */
const clockTolerance = 30

function createVerifier(settings: RestSettings, clock: Clock): (token: string) => Promise<JsonObject> {
  const secret = settings['jwt-secret']
  if (secret === undefined) {
    return async () => {
      throw restErrors.PGRST300()
    }
  }
  const keys = readKeys(secret, settings['jwt-secret-is-base64'])
  const audience = settings['jwt-aud']
  return async (token) => {
    try {
      const payload = await verifyByAny(token, keys, clock.now())
      requireAudience(payload, audience)
      return payload as JsonObject
    } catch (cause) {
      throw refusal(cause)
    }
  }
}

/** Tries the keys that the token may mean, as PostgREST does: tokens need not name theirs. */
async function verifyByAny(
  token: string,
  keys: readonly VerificationKey[],
  currentDate: Date,
): Promise<JWTPayload> {
  const { kid } = decodeProtectedHeader(token)
  let failure: unknown = new errors.JWSSignatureVerificationFailed()
  for (const { key, algorithms, id } of keys) {
    if (kid !== undefined && id !== undefined && id !== kid) continue
    try {
      return (await jwtVerify(token, key, { algorithms, clockTolerance, currentDate })).payload
    } catch (error) {
      if (isOfRightKey(error)) throw error
      failure = error
    }
  }
  throw failure
}

/** The signature was right, and the claims are what is wrong. */
const isOfRightKey = (error: unknown): boolean =>
  error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed

/** A token for nobody in particular is for everyone, as in PostgREST; one whose audience is none (RFC 7519, 4.1.3) is for nobody. */
function requireAudience({ aud }: { readonly aud?: unknown }, audience: string | undefined): void {
  if (aud === undefined || aud === null) return
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.every((one) => typeof one === 'string')) {
    throw restErrors.PGRST303({ problem: "The JWT 'aud' claim must be a string or an array of strings" })
  }
  if (audience !== undefined && !audiences.includes(audience)) {
    throw restErrors.PGRST303({ problem: 'JWT not in audience' })
  }
}

function refusal(cause: unknown): unknown {
  if (cause instanceof errors.JWTExpired) return restErrors.PGRST303({ problem: 'JWT expired' }, cause)
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return restErrors.PGRST303({ problem: 'JWT not yet valid or malformed' }, cause)
  }
  return cause instanceof errors.JOSEError || cause instanceof TypeError
    ? restErrors.PGRST301({ problem: 'No suitable key or wrong key type' }, cause)
    : cause
}

interface VerificationKey {
  readonly key: JWK | Uint8Array
  /** What the key may verify: a public key never verifies a symmetric signature. */
  readonly algorithms: string[]
  readonly id: string | undefined
}

/** The secret itself, a JWK, or a set of them. */
function readKeys(secret: string, isBase64: boolean): VerificationKey[] {
  const jwks = readJwks(secret)
  if (!jwks) {
    const key = new Uint8Array(isBase64 ? Buffer.from(secret, 'base64') : Buffer.from(secret))
    return [{ key, algorithms: symmetric, id: undefined }]
  }
  return jwks.map((key) => ({ key, algorithms: algorithmsOf(key), id: key.kid }))
}

function algorithmsOf({ kty, alg }: JWK): string[] {
  const possible = kty === 'oct' ? symmetric : asymmetric
  return possible.filter((algorithm) => alg === undefined || algorithm === alg)
}
