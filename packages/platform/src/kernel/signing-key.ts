import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** A key pair for Ed25519 signatures (RFC 8032). */
export interface SigningKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** The public key's 32 bytes. */
  readonly publicBytes: Buffer
}

/** What PKCS #8 puts before the 32 bytes of an Ed25519 seed (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The Ed25519 key pair of a seed of 32 bytes: of a derived key, the same in every process. */
export function signingKeyOf(seed: Buffer): SigningKey {
  if (seed.length !== 32) throw new Error('an Ed25519 seed has 32 bytes')
  const key = Buffer.concat([pkcs8Prefix, seed])
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const publicBytes = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  return { privateKey, publicKey, publicBytes }
}
