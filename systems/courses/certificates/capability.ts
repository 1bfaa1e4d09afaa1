import { hash } from 'node:crypto'
import { type Caller, type ProjectDatabase, sql } from '@plinth/platform/database'
import { type MerkleLog, merkleLogOffer } from '@plinth/platform/merkle-log'
import { type CapabilityProject, defineCapability, type PersonHooks } from '@plinth/platform/system'
import type { z } from 'zod'
import { createIssuer, type Issuer, logIdentityOf } from './credential/issuer.ts'
import { buildPage } from './page/build-page.ts'
import { auditCertificates, type CertificateFinding, checkLastAudit, countFindings } from './service/audit.ts'
import type { CertificateContext } from './service/context.ts'
import { findUnprinted, notePrinted } from './service/printing.ts'
import { createStatusLists } from './service/status-lists.ts'
import { type CertificateName, type ShownCertificate, showCertificate } from './service/verify.ts'
import {
  closeStays,
  createCounter,
  type IssueOptions,
  issueCertificates,
  reissueCertificate,
  revokeCertificate,
} from './service/write.ts'
import { type CertificateSettings, certificateSettings } from './settings.ts'

/** What handlers find as `ctx.certificates`. Who may do what is for them to say. */
export interface Certificates {
  /** The public half of the issuer. */
  readonly issuer: Pick<Issuer, 'did' | 'name'>
  readonly log: MerkleLog
  /** Issues what is due; gives the certificates' ids. Fails with `log_altered`. */
  issue(options: IssueOptions): Promise<readonly string[]>
  /** The certificate of one registration, issued if need be; gives its id. Fails with `certificate_not_due`. */
  issueFor(registration: string): Promise<string>
  /** Makes a new version under the same number and address. Fails with `certificate_not_found`. */
  reissue(options: {
    readonly by: Caller
    readonly certificate: string
    readonly holder?: string | undefined
  }): Promise<void>
  /** Fails with `certificate_not_found` or `certificate_revoked`. */
  revoke(options: {
    readonly by: Caller
    readonly certificate: string
    readonly reason: string
  }): Promise<void>
  /** The present version and what it is worth. Fails with `certificate_not_found` or `certificate_altered`. */
  show(name: CertificateName): Promise<ShownCertificate>
  /** Ids of certificates whose PDF is not made yet. */
  unprinted(limit: number): Promise<readonly string[]>
  /** The present version as a PDF, the same bytes each time as long as its status is the same. */
  print(shown: ShownCertificate): Promise<Buffer>
  /** Notes that the PDF of this version is stored. */
  printed(shown: ShownCertificate): Promise<void>
  /** Ends the stays of sessions that are over: who never checked out was there until the end. */
  closeStays(): Promise<void>
  /** The signed status lists of a number. */
  statusLists(list: number): Promise<readonly string[]>
  /** The page that verifies offline, with a certificate in it or without. */
  page(shown?: ShownCertificate): Promise<string>
  /** Compares rows, statements, leaves, heads and their copy; the health page shows what was found last. */
  audit(): Promise<readonly CertificateFinding[]>
}

/** Certificates of completed courses: signed, logged, revocable, verifiable without this server. */
export const certificates = (defaults: z.input<typeof certificateSettings> = {}) =>
  defineCapability({
    name: 'certificates',
    requires: ['merkle-log', 'notifications', 'storage'],
    settings: certificateSettings,
    defaults,
    open: (project) => {
      const made = openCertificates(project)
      return {
        context: () => ({ certificates: made }),
        personHooks: personHooksOf(project.database),
        health: [{ name: 'certificates', check: () => checkLastAudit(project.database) }],
        figures: [
          { name: 'certificate-findings', unit: 'findings', read: () => countFindings(project.database) },
        ],
      }
    },
  })

function openCertificates(project: CapabilityProject<CertificateSettings>): Certificates {
  const { settings, database, clock } = project
  const issuer = createIssuer({
    seed: project.deriveKey('certificates/issuer'),
    name: settings.issuerName,
    url: settings.issuerUrl,
  })
  // Another key is another issuer, whose log is another one.
  const name = `certificates-${hash('sha256', issuer.key.publicBytes, 'hex').slice(0, 16)}`
  const log = project.offer(merkleLogOffer).open(name, logIdentityOf(issuer))
  const context: CertificateContext = {
    ...{ database, issuer, log, settings, clock, journal: project.log },
    functionsUrl: `${project.url}/functions/v1`,
  }
  const lists = createStatusLists(context)
  const own = { did: issuer.did, name: issuer.name }
  return {
    issuer: own,
    log,
    issue: (options) => issueCertificates(context, options),
    issueFor: createCounter(context),
    reissue: (options) => reissueCertificate(context, options),
    revoke: (options) => revokeCertificate(context, options),
    show: (given) => showCertificate(context, lists, given),
    unprinted: (limit) => findUnprinted(context, limit),
    print: async (shown) => (await import('./print/print-certificate.ts')).printCertificate(shown),
    printed: (shown) => notePrinted(context, shown),
    closeStays: () => closeStays(context),
    statusLists: (list) => lists.of(list),
    page: (shown) => buildPage({ issuers: [own], certificate: shown?.bundle }),
    audit: () => auditCertificates(context),
  }
}

/** A holder's name stands in the signed credential: erasing removes the text; its hash stays in the log. */
const personHooksOf = (database: ProjectDatabase): PersonHooks => ({
  export: async function* (person) {
    const { rows } = await database.asOwner<{ number: string; statement: string }>(sql`
      select c.certificate_number as number, s.statement
      from public.certificates c join private.certificate_statements s on s.certificate_id = c.id
      where c.user_id::text = ${person} and s.kind = 'issued' and s.statement is not null order by s.leaf`)
    for (const [at, { number, statement }] of rows.entries())
      yield { path: `certificates/${number}-${at + 1}.jwt`, content: statement }
  },
  erase: async (person, transaction) => {
    await transaction.query(sql`
      update private.certificate_statements s set statement = null
      from public.certificates c where c.id = s.certificate_id and c.user_id::text = ${person} and s.statement is not null`)
    await transaction.query(
      sql`update public.certificates set pdf_url = null, user_id = null where user_id::text = ${person}`,
    )
  },
})
