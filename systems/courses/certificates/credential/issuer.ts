import { type SigningKey, signingKeyOf } from '@plinth/platform/kernel'
import type { LogIdentity } from '@plinth/platform/merkle-log'

/** Who issues certificates. Name and address may change; the identifier is the public key itself. */
export interface Issuer {
  /** `did:key:z6Mk…`: an Ed25519 public key (https://w3c-ccg.github.io/did-key-spec). It resolves without a network. */
  readonly did: string
  readonly key: SigningKey
  readonly name: string
  /** Web page. */
  readonly url: string | undefined
}

export interface IssuerOptions {
  /** 32 bytes, derived from the project's master key: not in the database. */
  readonly seed: Buffer
  readonly name: string
  readonly url?: string | undefined
}

export function createIssuer({ seed, name, url }: IssuerOptions): Issuer {
  const key = signingKeyOf(seed)
  return { did: didOf(key.publicBytes), key, name, url }
}

/** Multicodec of an Ed25519 public key. */
const ed25519Codec = Buffer.of(0xed, 0x01)

const didOf = (publicKey: Buffer): string => `did:key:z${base58(Buffer.concat([ed25519Codec, publicKey]))}`

/** The log of an issuer's certificates: one key signs both, so that whoever trusts the issuer needs nothing else. */
export function logIdentityOf({ did, key }: Issuer): LogIdentity {
  const name = `${did}/certificates`
  return {
    signer: { name, privateKey: key.privateKey },
    verifier: { name, publicKey: key.publicBytes },
  }
}

const base58Alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function base58(bytes: Buffer): string {
  let number = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (; number > 0n; number /= 58n) text = base58Alphabet[Number(number % 58n)] + text
  return text
}
