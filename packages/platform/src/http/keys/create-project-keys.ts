import {
  calculateJwkThumbprint,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose'
import { LRUCache } from 'lru-cache'
import { type Clock, type JsonObject, newSecret, readOrCreateSecret } from '../../kernel/index.ts'
import { httpErrors } from '../errors.ts'
import type { ProjectKeys } from './project-keys.ts'

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
}

/** Opens the keys of project `ref`, kept in `path` (0600) and made the first time. */
export async function openProjectKeys(
  ref: string,
  path: string,
  clock: Clock,
  { jwtSecret }: OpenKeysOptions = {},
): Promise<ProjectKeys> {
  const material = JSON.parse(await readOrCreateSecret(path, () => createMaterial(clock))) as KeyMaterial
  return createProjectKeys(ref, jwtSecret === undefined ? material : { ...material, jwtSecret })
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

async function createProjectKeys(ref: string, material: KeyMaterial): Promise<ProjectKeys> {
  const secret = new TextEncoder().encode(material.jwtSecret)
  const { d: _private, ...publicPart } = material.signingKey
  const kid = await calculateJwkThumbprint(publicPart)
  const publicKey = { ...publicPart, kid, alg: 'ES256', use: 'sig', key_ops: ['verify'] }
  const privateKey = await importJWK(material.signingKey, 'ES256')
  const verifyingKey = await importJWK(publicKey, 'ES256')
  const issueKey = (role: string) => signApiKey(ref, role, material.issuedAt, secret)
  const keyFor: JWTVerifyGetKey = ({ alg, kid: wanted }) => {
    if (alg === 'HS256') return secret
    if (alg === 'ES256' && (wanted === undefined || wanted === kid)) return verifyingKey
    throw new errors.JWSInvalid('no key of this project signs so')
  }
  const verified = new LRUCache<string, JsonObject>({ max: rememberedTokens })
  return {
    ref,
    anonKey: await issueKey('anon'),
    serviceRoleKey: await issueKey('service_role'),
    jwtSecret: material.jwtSecret,
    jwks: { keys: [publicKey] },
    sign: (claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' }).sign(privateKey),
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
      algorithms: ['HS256', 'ES256'],
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
