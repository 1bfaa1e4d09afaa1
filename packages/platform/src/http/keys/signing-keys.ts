import {
  type CryptoKey,
  calculateJwkThumbprint,
  errors,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose'
import { z } from 'zod'
import type { JsonObject } from '../../kernel/index.ts'

/** Algorithms of users' tokens: a public key verifies them. */
export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const
type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** One key of users' tokens, its public part and, for the one that signs, the private part. */
interface SigningKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: JWK
  readonly verifyingKey: CryptoKey | Uint8Array
  readonly privateKey: CryptoKey | Uint8Array | undefined
}

/** The keys of users' tokens: one signs, all verify. */
export interface SigningKeys {
  readonly publicJwks: readonly JWK[]
  sign(claims: JsonObject): Promise<string>
  /** The key that a token's head names; without a name the one that signs. Fails when it is none of these. */
  keyFor(header: JWTHeaderParameters): CryptoKey | Uint8Array
}

const jwk = z.looseObject({
  kty: z.enum(['EC', 'RSA', 'OKP']),
  alg: z.enum(signingAlgorithms).optional(),
  kid: z.string().min(1).max(200).optional(),
  key_ops: z.array(z.string()).optional(),
  d: z.string().optional(),
})

/** Keys as `supabase gen signing-key` writes them and GoTrue's `GOTRUE_JWT_KEYS` takes them: a JSON list of private JWKs. */
export const signingKeyList = z.string().transform((text, context): JWK[] => {
  try {
    const list = z.array(jwk).min(1).max(10).parse(JSON.parse(text)) as JWK[]
    if (list.some(isSigning)) return list
  } catch {
    // Not JSON, or not a list of keys: said below, without the text.
  }
  context.addIssue(
    'must be a JSON list of ES256, RS256 or EdDSA keys (JWK), one of them private to sign with',
  )
  return z.NEVER
})

/** A private key signs, unless it says that it only verifies: so one stays valid while the next one takes over. */
const isSigning = ({ d, key_ops: uses }: JWK) =>
  d !== undefined && (uses === undefined || uses.includes('sign'))

/** Opens keys; the first that may sign does, and all verify. */
export async function openSigningKeys(list: readonly JWK[]): Promise<SigningKeys> {
  const keys = await Promise.all(list.map(openKey))
  const signing = keys.find(({ privateKey }) => privateKey !== undefined)
  if (!signing?.privateKey) throw new Error('no key signs')
  const { privateKey, algorithm, kid } = signing
  return {
    publicJwks: keys.map(({ publicJwk }) => publicJwk),
    sign: (claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' }).sign(privateKey),
    keyFor: ({ alg, kid: wanted }) => {
      const found = wanted === undefined ? signing : keys.find((key) => key.kid === wanted)
      if (found && found.algorithm === alg) return found.verifyingKey
      throw new errors.JWSInvalid('no key of this project signs so')
    },
  }
}

const algorithmOf: Readonly<Record<string, SigningAlgorithm>> = { EC: 'ES256', RSA: 'RS256', OKP: 'EdDSA' }
const privateParts = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])

async function openKey(given: JWK): Promise<SigningKey> {
  const { key_ops: _uses, ext: _ext, use: _use, ...key } = given
  const algorithm = (key.alg as SigningAlgorithm | undefined) ?? algorithmOf[key.kty ?? ''] ?? 'ES256'
  const bare = Object.fromEntries(Object.entries(key).filter(([name]) => !privateParts.has(name))) as JWK
  const kid = key.kid ?? (await calculateJwkThumbprint(bare))
  const publicJwk = { ...bare, kid, alg: algorithm, use: 'sig', key_ops: ['verify'] }
  return {
    kid,
    algorithm,
    publicJwk,
    verifyingKey: await importJWK(publicJwk, algorithm),
    privateKey: isSigning(given) ? await importJWK({ ...key, alg: algorithm }, algorithm) : undefined,
  }
}
