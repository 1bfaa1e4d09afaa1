import { gzipSync } from 'node:zlib'
import type { Issuer } from './issuer.ts'
import { instantOf, secondsOf, signJwt } from './sign-jwt.ts'

/** Bits of a list: the least that Bitstring Status List 1.0 allows, so that a request tells little about whose it is for. */
export const listBits = 131_072

/** Where a credential's bit is. */
export interface StatusListPlace {
  /** Address of the lists, without a query. */
  readonly address: string
  readonly list: number
  readonly index: number
}

/** `revocation`: it does not hold any more. `refresh`: another one has taken its place. */
export type StatusPurpose = 'revocation' | 'refresh'

/** The place of the credential that is leaf `leaf` of the log: no two ever share one. */
export const placeOfLeaf = (address: string, leaf: number): StatusListPlace => ({
  address,
  list: Math.floor(leaf / listBits),
  index: leaf % listBits,
})

export const statusAddressOf = (
  { address, list }: Omit<StatusListPlace, 'index'>,
  purpose: StatusPurpose,
): string => `${address}?list=${list}${purpose === 'revocation' ? '' : `&purpose=${purpose}`}`

export interface StatusListOptions {
  readonly address: string
  readonly list: number
  readonly purpose: StatusPurpose
  /** Indexes whose bit is set. */
  readonly set: Iterable<number>
  readonly at: Date
  /** Until then a verifier may take it for the present state. */
  readonly until: Date
}

/** A signed status list: Bitstring Status List 1.0 as a VC-JWT. */
export function signStatusList(issuer: Issuer, options: StatusListOptions): string {
  const { purpose, set, at, until } = options
  const id = statusAddressOf(options, purpose)
  return signJwt(issuer, {
    '@context': ['https://www.w3.org/ns/credentials/v2'],
    id,
    type: ['VerifiableCredential', 'BitstringStatusListCredential'],
    issuer: issuer.did,
    validFrom: instantOf(at),
    validUntil: instantOf(until),
    credentialSubject: {
      id: `${id}#list`,
      type: 'BitstringStatusList',
      statusPurpose: purpose,
      encodedList: encodeBits(set),
    },
    jti: id,
    nbf: secondsOf(at),
    exp: secondsOf(until),
  })
}

/** `u` and base64url of the gzipped bits; bit 0 is the highest of the first byte. */
function encodeBits(set: Iterable<number>): string {
  const bytes = Buffer.alloc(listBits / 8)
  for (const index of set) bytes[index >> 3]! |= 0x80 >> (index & 7)
  return `u${gzipSync(bytes).toString('base64url')}`
}
