import { sign } from 'node:crypto'
import type { Issuer } from './issuer.ts'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * A JWT signed by the issuer with Ed25519 (RFC 8037). Its header carries the public key, as Open Badges 3.0 (8.2) asks; a
 * verifier compares it with the issuer's identifier, which is what it trusts.
 */
export function signJwt({ did, key }: Issuer, payload: object, typ = 'JWT'): string {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.publicBytes.toString('base64url') }
  const content = `${encode({ alg: 'EdDSA', typ, jwk })}.${encode({ ...payload, iss: did })}`
  return `${content}.${sign(null, Buffer.from(content), key.privateKey).toString('base64url')}`
}

/** Seconds since 1970, as JWTs count. */
export const secondsOf = (instant: Date): number => Math.floor(instant.getTime() / 1000)

/** Whole seconds: `nbf` and `exp` say the same. */
export const instantOf = (instant: Date): string => `${instant.toISOString().slice(0, 19)}Z`
