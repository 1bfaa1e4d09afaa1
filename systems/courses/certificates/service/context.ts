import type { ProjectDatabase } from '@plinth/platform/database'
import type { Clock, Log } from '@plinth/platform/kernel'
import type { MerkleLog } from '@plinth/platform/merkle-log'
import type { Issuer } from '../credential/issuer.ts'
import type { CertificateSettings } from '../settings.ts'

/** What every operation on certificates works with. */
export interface CertificateContext {
  readonly database: ProjectDatabase
  readonly issuer: Issuer
  readonly log: MerkleLog
  readonly settings: CertificateSettings
  /** Of the project's functions, without a trailing slash. */
  readonly functionsUrl: string
  readonly clock: Clock
  readonly journal: Log
}

/** Where a certificate is verified: the address in its QR code. It stays the same for all versions. */
export const addressOf = (
  { functionsUrl }: Pick<CertificateContext, 'functionsUrl'>,
  token: string,
): string => `${functionsUrl}/verify-certificate?token=${token}`

/** Where status lists are. */
export const statusAddress = ({ functionsUrl }: Pick<CertificateContext, 'functionsUrl'>): string =>
  `${functionsUrl}/certificate-status`

/** Where a certificate's PDF is, for whoever has its token. */
export const fileAddressOf = (
  { functionsUrl }: Pick<CertificateContext, 'functionsUrl'>,
  token: string,
): string => `${functionsUrl}/certificate-file?token=${token}`
