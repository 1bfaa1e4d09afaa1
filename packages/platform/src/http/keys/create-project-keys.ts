import { errors, exportJWK, generateKeyPair, type JWK, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { type Clock, type JsonObject, newSecret, readOrCreateSecret } from '../../kernel/index.ts'
import { httpErrors } from '../errors.ts'
import type { ProjectKeys } from './project-keys.ts'
import { openSigningKeys, signingAlgorithms } from './signing-keys.ts'

/** What a project's secret file holds. */
interface KeyMaterial {
  /** HS256 secret of the API keys. */
  readonly jwtSecret: string
  /** ES256 private key of users' tokens. */
  readonly signingKey: JWK
  /** Fixed, so that the keys themselves never change. Seconds since 1970. */
  readonly issuedAt: number
}

const tenYears = 10 * 365 * 24 * 3600
/** Verified tokens that are remembered until they expire: a busy client's token is checked once, not per request. */
const rememberedTokens = 5_000
const longestToken = 16_384

export interface OpenKeysOptions {
  /** HS256 secret in place of the one in the file: keys and tokens that were signed with it elsewhere count here. */
  readonly jwtSecret?: string | undefined
  /** Keys of users' tokens in front of the one in the file, which goes on verifying. */
  readonly jwtKeys?: readonly JWK[] | undefined
}

/** Opens the keys of project `ref`, kept in `path` (0600) and made the first time. */
export async function openProjectKeys(
  ref: string,
  path: string,
  clock: Clock,
  { jwtSecret, jwtKeys = [] }: OpenKeysOptions = {},
): Promise<ProjectKeys> {
  const material = JSON.parse(await readOrCreateSecret(path, () => createMaterial(clock))) as KeyMaterial
  return createProjectKeys(ref, jwtSecret === undefined ? material : { ...material, jwtSecret }, jwtKeys)
}

async function createMaterial(clock: Clock): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const material: KeyMaterial = {
    jwtSecret: newSecret(48),
    signingKey: await exportJWK(privateKey),
    issuedAt: Math.floor(clock.now().getTime() / 1000),
  }
  return `${JSON.stringify(material)}\n`
}

async function createProjectKeys(
  ref: string,
  material: KeyMaterial,
  given: readonly JWK[],
): Promise<ProjectKeys> {
  const secret = new TextEncoder().encode(material.jwtSecret)
  const signing = await openSigningKeys([...given, material.signingKey])
  const issueKey = (role: string) => signApiKey(ref, role, material.issuedAt, secret)
  const keyFor: JWTVerifyGetKey = (header) =>
    header.alg === 'HS256' ? secret : signing.keyFor({ ...header, alg: header.alg ?? '' })
  const verified = new LRUCache<string, JsonObject>({ max: rememberedTokens })
  return {
    ref,
    anonKey: await issueKey('anon'),
    serviceRoleKey: await issueKey('service_role'),
    jwtSecret: material.jwtSecret,
    jwks: { keys: [...signing.publicJwks] },
    sign: signing.sign,
    verify: async (token, clock) => {
      const known = verified.get(token)
      if (known && !hasExpired(known, clock)) return known
      const claims = await verifyToken(token, keyFor, clock)
      requireRef(claims, ref)
      verified.set(token, claims)
      return claims
    },
  }
}

async function signApiKey(ref: string, role: string, issuedAt: number, secret: Uint8Array): Promise<string> {
  return new SignJWT({ iss: 'plinth', ref, role, iat: issuedAt, exp: issuedAt + tenYears })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(secret)
}

async function verifyToken(token: string, keyFor: JWTVerifyGetKey, clock: Clock): Promise<JsonObject> {
  if (token.length > longestToken) throw httpErrors.invalid_token()
  try {
    const { payload } = await jwtVerify(token, keyFor, {
      algorithms: ['HS256', ...signingAlgorithms],
      currentDate: clock.now(),
    })
    return payload as JsonObject
  } catch (cause) {
    throw cause instanceof errors.JWTExpired
      ? httpErrors.expired_token()
      : httpErrors.invalid_token({}, cause)
  }
}

/** A token that names a project must name this one; tokens that other issuers sign with the secret name none. */
function requireRef(claims: JsonObject, ref: string): void {
  if (claims.ref !== undefined && claims.ref !== ref) throw httpErrors.invalid_token()
}

function hasExpired(claims: JsonObject, clock: Clock): boolean {
  return typeof claims.exp === 'number' && claims.exp <= clock.now().getTime() / 1000
}
