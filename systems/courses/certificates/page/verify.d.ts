/** What a certificate says of itself. Instants are milliseconds since 1970. */
export interface VerifiedFacts {
  readonly id: string
  readonly number: string
  readonly holder: string
  readonly course: string
  readonly issuer: string
  readonly startsAt: number
  readonly endsAt: number
  readonly validFrom: number
  /** Null: it does not expire. */
  readonly validUntil: number | null
}

/**
 * `valid`: signed, logged, and not revoked by a list that is fresh. `unknown`: the same, but the newest list is older than it
 * may be: nobody knows what happened since. `revoked`, `superseded`: final. `invalid`: it proves nothing; `problem` says why.
 */
export type Verification =
  | {
      readonly state: 'valid' | 'revoked' | 'superseded' | 'expired' | 'unknown'
      readonly facts: VerifiedFacts
      /** When the status was known last; of an expired one, when it expired. */
      readonly since: number | null
    }
  | { readonly state: 'invalid'; readonly problem: string; readonly since: null }

export interface VerifyOptions {
  /** Identifiers (`did:key:…`) of the issuers that the reader trusts. */
  readonly issuers: readonly string[]
  readonly now: Date
  /** Status lists beside those of the file: newer ones. */
  readonly lists?: readonly string[]
}

/** Says what a certificate file is worth. Never throws. */
export function verifyCertificate(bundle: unknown, options: VerifyOptions): Promise<Verification>

/** The certificate file in a JSON file or in a PDF; throws when there is none. */
export function readCertificateFile(bytes: Uint8Array): Promise<unknown>
