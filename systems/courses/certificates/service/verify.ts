import { sql } from '@plinth/platform/database'
import { leafHash } from '@plinth/platform/merkle-log'
import { bundleOf, type CertificateBundle } from '../credential/bundle.ts'
import { listBits } from '../credential/status-list.ts'
import { certificateErrors } from '../errors.ts'
import { type Verification, verifyCertificate } from '../page/verify.js'
import { addressOf, type CertificateContext } from './context.ts'
import type { StatusLists } from './status-lists.ts'

/** A certificate with what proves it. */
export interface ShownCertificate {
  readonly id: string
  readonly userId: string | null
  readonly version: number
  readonly token: string
  readonly pdfUrl: string | null
  readonly bundle: CertificateBundle
  readonly verification: Verification
}

interface FoundRow {
  readonly id: string
  readonly user_id: string | null
  readonly token: string
  readonly number: string
  readonly hash: string | null
  readonly pdf_url: string | null
  readonly is_revoked: boolean
  readonly issuer: string
  readonly leaf: string
  readonly version: number
  readonly statement: string | null
}

/** How a certificate is named: by its token, or, for those who may, by its id. */
export type CertificateName = { readonly token: string } | { readonly id: string }

/**
 * The present version of a certificate and what it is worth now, by the signed statement and not by the row. Fails with
 * `certificate_not_found`, also when its holder was erased, with `certificate_issuer_lost`, and with `certificate_altered` when the row says something else.
 */
export async function showCertificate(
  context: CertificateContext,
  lists: StatusLists,
  name: CertificateName,
): Promise<ShownCertificate> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await findCertificate(context, name)
    if (!found?.statement) throw certificateErrors.certificate_not_found()
    if (found.issuer !== context.issuer.did)
      throw certificateErrors.certificate_issuer_lost({ issuer: found.issuer })
    const shown = await prove(context, lists, { ...found, statement: found.statement })
    if (isWhatWasSigned(found, shown)) return shown
    // It may have been revoked or issued anew since its row was read.
    if (attempt < attempts) continue
    context.journal.error({ certificate: found.id }, 'a certificate’s record is not what was signed')
    throw certificateErrors.certificate_altered({ certificate: found.id })
  }
}

const attempts = 3

async function prove(
  context: CertificateContext,
  lists: StatusLists,
  found: FoundRow & { readonly statement: string },
): Promise<ShownCertificate> {
  const leaf = Number(found.leaf)
  const [[proof], status] = await Promise.all([
    context.log.proveLeaves([leaf]),
    lists.of(Math.floor(leaf / listBits)),
  ])
  const bundle = bundleOf(found.statement, proof!, status, addressOf(context, found.token))
  const issuers = [context.issuer.did]
  const verification = await verifyCertificate(bundle, { issuers, now: context.clock.now() })
  const { id, user_id: userId, version, token, pdf_url: pdfUrl } = found
  return { id, userId, version, token, pdfUrl, bundle, verification }
}

/** Whether the row says the same as the statements: leaf, number, and that it was revoked or not. */
function isWhatWasSigned(found: FoundRow, { bundle, verification }: ShownCertificate): boolean {
  if (verification.state === 'invalid' || verification.state === 'superseded') return false
  return (
    found.hash === leafHash(Buffer.from(bundle.credential)).toString('hex') &&
    found.number === verification.facts.number &&
    found.is_revoked === (verification.state === 'revoked')
  )
}

async function findCertificate(
  { database }: CertificateContext,
  name: CertificateName,
): Promise<FoundRow | undefined> {
  const [token, id] = 'token' in name ? [name.token, null] : [null, name.id]
  const { rows } = await database.asOwner<FoundRow>(sql`
    select c.id, c.user_id, c.verification_token as token, c.certificate_number as number, c.blockchain_hash as hash, c.pdf_url,
      c.revoked_at is not null as is_revoked, s.issuer, s.leaf, s.version, s.statement
    from public.certificates c
    join lateral (select issuer, leaf, version, statement from private.certificate_statements
      where certificate_id = c.id and kind = 'issued' order by version desc limit 1) s on true
    where c.verification_token = ${token} or c.id = ${id}`)
  return rows[0]
}
