import type { LeafProof } from '@plinth/platform/merkle-log'

/**
 * All that proves a certificate, in one file of JSON: it is what a holder keeps, and what the PDF carries as an attachment.
 * `page/verify.js` reads it.
 */
export interface CertificateBundle {
  readonly format: typeof bundleFormat
  /** The credential: a VC-JWT. */
  readonly credential: string
  /** That the credential is in the log of a signed head. Hashes in base64. */
  readonly log: {
    readonly index: number
    readonly path: readonly string[]
    readonly checkpoint: string
  }
  /** Status lists, as they were when the file was made: VC-JWTs. */
  readonly status: readonly string[]
  /** Where the issuer answers about it, as long as there is one. */
  readonly address: string
}

export const bundleFormat = 'plinth-certificate/1'

export const bundleOf = (
  credential: string,
  { index, path, head }: LeafProof,
  status: readonly string[],
  address: string,
): CertificateBundle => ({
  format: bundleFormat,
  credential,
  log: { index, path: path.map((hash) => hash.toString('base64')), checkpoint: head.note },
  status,
  address,
})
