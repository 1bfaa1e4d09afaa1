import { randomUUID } from 'node:crypto'
import {
  actorOf,
  actorStatement,
  type Caller,
  serviceCaller,
  sql,
  type Transaction,
} from '@plinth/platform/database'
import { leafHash } from '@plinth/platform/merkle-log'
import { signCredential, signRevocation } from '../credential/credential.ts'
import { placeOfLeaf } from '../credential/status-list.ts'
import { certificateErrors } from '../errors.ts'
import { addressOf, type CertificateContext, statusAddress } from './context.ts'
import { newNumber, newToken } from './numbers.ts'

/** A registration that has earned a certificate, as `private.certificate_due` has it. */
interface DueRow {
  readonly registration_id: string
  readonly user_id: string
  readonly event_id: string
  readonly title: string
  readonly description: string
  readonly starts_at: string
  readonly ends_at: string
  readonly minutes: number | null
  readonly holder: string
}

/** A certificate as its writer needs it. */
interface StandingRow extends DueRow {
  readonly id: string
  readonly number: string
  readonly token: string
  readonly version: number
  readonly credential_id: string
  readonly last: 'issued' | 'revoked'
}

export interface IssueOptions {
  /** In whose name; what it may is for the calling code to say. */
  readonly by: Caller
  /** These registrations only. Default: whoever is due. */
  readonly registrations?: readonly string[]
  /** Most at a time: others who issue wait meanwhile. Default 200. */
  readonly limit?: number
}

const batch = 200

/** Issues certificates to who has earned them and has none, with one signed head of the log. Gives their ids. */
export async function issueCertificates(
  context: CertificateContext,
  { by, registrations, limit = batch }: IssueOptions,
): Promise<readonly string[]> {
  const { log, clock } = context
  const { result } = await log.append(async (transaction, first) => {
    await actAs(context, transaction, by)
    const at = wholeSecond(clock.now())
    const { rows } = await transaction.query<DueRow>(
      sql`select to_jsonb(d) ->> 'starts_at' as starts_at, to_jsonb(d) ->> 'ends_at' as ends_at, d.registration_id, d.user_id, d.event_id,
            d.title, d.description, d.minutes, d.holder
          from private.certificates_due(${at}, ${limit}, ${registrations ?? null}::uuid[]) d`,
    )
    const certificates = rows.map((row, index) =>
      signVersion(
        context,
        { ...row, id: randomUUID(), number: newNumber(at), token: newToken(), version: 0 },
        first + index,
        at,
      ),
    )
    await record(context, transaction, certificates)
    return {
      leaves: certificates.map(({ leafHash }) => leafHash),
      result: certificates.map(({ row }) => row.certificate_id),
    }
  })
  return result
}

/**
 * Issues the certificates of single registrations on demand. Those that are asked for while others are being signed are
 * signed together, with one head of the log: a whole class that asks at once waits for two.
 */
export function createCounter(context: CertificateContext) {
  const { database, clock } = context
  let waiting: string[] = []
  let next: Promise<unknown> | undefined
  let last: Promise<unknown> = Promise.resolve()

  /** Resolves when the registration was looked at, after this call. */
  function issueSoon(registration: string): Promise<unknown> {
    waiting.push(registration)
    next ??= last.then(() => {
      const registrations = waiting
      waiting = []
      next = undefined
      const by = serviceCaller('certificates that were asked for', 'generate-certificate')
      const issued = issueCertificates(context, { by, registrations, limit: registrations.length })
      last = issued.catch(() => undefined)
      return issued
    })
    return next
  }

  /** The certificate of a registration, issued now if there is none; gives its id. Fails with `certificate_not_due`. */
  return async (registration: string): Promise<string> => {
    const found = await findStanding(registration)
    if (found?.id) return found.id
    // Who never checked out was there until the end.
    if (found?.obstacle === 'attendance') await closeStays(context)
    else if (found?.obstacle !== null) throw notDue(registration, found?.obstacle)
    await issueSoon(registration)
    const { id, obstacle } = (await findStanding(registration)) ?? {}
    if (id) return id
    throw notDue(registration, obstacle)
  }

  async function findStanding(registration: string) {
    const { rows } = await database.asOwner<{ id: string | null; obstacle: string | null }>(sql`
      select c.id, private.certificate_obstacle(r, e, ${clock.now()}) as obstacle
      from public.registrations r join public.events e on e.id = r.event_id left join public.certificates c on c.registration_id = r.id
      where r.id = ${registration}`)
    return rows[0]
  }
}

const notDue = (registration: string, reason: string | null | undefined) =>
  certificateErrors.certificate_not_due({ registration, reason: reason ?? 'unknown_registration' })

/** Ends the stays of sessions that are over. */
export async function closeStays({ database }: CertificateContext): Promise<void> {
  await database.asOwner(sql`select private.close_stays()`)
}

/** Makes a new version of a certificate, which takes the place of the one before: number and address stay. */
export async function reissueCertificate(
  context: CertificateContext,
  {
    by,
    certificate,
    holder,
  }: { readonly by: Caller; readonly certificate: string; readonly holder?: string | undefined },
): Promise<void> {
  const { log, clock } = context
  await log.append(async (transaction, first) => {
    await actAs(context, transaction, by)
    const standing = await lockCertificate(transaction, certificate)
    const at = wholeSecond(clock.now())
    const version = signVersion(context, { ...standing, holder: holder ?? standing.holder }, first, at)
    await record(context, transaction, [version])
    await transaction.query(sql`
      select private.audit('reissue', 'certificates', ${standing.id}, ${JSON.stringify({ version: standing.version, holder: standing.holder })},
        ${JSON.stringify({ version: standing.version + 1, holder: holder ?? standing.holder })})`)
    return { leaves: [version.leafHash], result: undefined }
  })
}

/** Takes a certificate back, for good: verifiers learn it from the next status list. Fails with `certificate_revoked`. */
export async function revokeCertificate(
  context: CertificateContext,
  { by, certificate, reason }: { readonly by: Caller; readonly certificate: string; readonly reason: string },
): Promise<void> {
  const { log, clock, issuer } = context
  await log.append(async (transaction, first) => {
    await actAs(context, transaction, by)
    const standing = await lockCertificate(transaction, certificate)
    if (standing.last === 'revoked') throw certificateErrors.certificate_revoked({ certificate })
    const at = wholeSecond(clock.now())
    const statement = signRevocation(issuer, standing.credential_id, at)
    const leaf = leafHash(Buffer.from(statement))
    await transaction.query(sql`
      select private.record_revocation(${issuer.did}, ${standing.id}, ${first}, ${statement}, ${leaf.toString('hex')}, ${reason}, ${at})`)
    return { leaves: [leaf], result: undefined }
  })
}

/** Statements count whole seconds, and so do the rows that are compared with them. */
const wholeSecond = (instant: Date): Date => new Date(Math.floor(instant.getTime() / 1000) * 1000)

/** The transaction is the owner's: journal and audit learn who is behind it. */
async function actAs({ database }: CertificateContext, transaction: Transaction, by: Caller): Promise<void> {
  await transaction.query(actorStatement(database.actors, actorOf(by)))
  await transaction.query(
    sql`select pg_catalog.set_config('request.jwt.claims', ${JSON.stringify(by.claims)}, true)`,
  )
}

async function lockCertificate(transaction: Transaction, certificate: string): Promise<StandingRow> {
  const { rows } = await transaction.query<StandingRow>(sql`
    select f.registration_id, c.user_id, f.event_id, f.title, f.description, to_jsonb(f) ->> 'starts_at' as starts_at,
      to_jsonb(f) ->> 'ends_at' as ends_at, f.minutes, f.holder, c.id, c.certificate_number as number, c.verification_token as token,
      s.version, s.credential_id, s.kind as last
    from public.certificates c
    join public.registrations r on r.id = c.registration_id
    join lateral private.certificate_facts(r) f on true
    join lateral (select version, credential_id, kind from private.certificate_statements where certificate_id = c.id
      order by version desc, kind desc limit 1) s on true
    where c.id = ${certificate} for update of c`)
  if (!rows[0]) throw certificateErrors.certificate_not_found({ certificate })
  return rows[0]
}

function signVersion(
  context: CertificateContext,
  given: DueRow & Pick<StandingRow, 'id' | 'number' | 'token' | 'version'>,
  leaf: number,
  at: Date,
) {
  const { issuer, settings } = context
  const credentialId = randomUUID()
  const statement = signCredential(
    issuer,
    {
      credentialId,
      number: given.number,
      holder: given.holder,
      course: {
        id: given.event_id,
        title: given.title,
        description: given.description,
        startsAt: new Date(given.starts_at),
        endsAt: new Date(given.ends_at),
      },
      minutes: given.minutes,
      issuedAt: at,
      expiresAt:
        settings.validDays === undefined ? null : new Date(at.getTime() + settings.validDays * 86_400_000),
    },
    placeOfLeaf(statusAddress(context), leaf),
  )
  const hash = leafHash(Buffer.from(statement))
  const row = {
    certificate_id: given.id,
    registration_id: given.registration_id,
    event_id: given.event_id,
    user_id: given.user_id,
    number: given.number,
    token: given.token,
    version: given.version + 1,
    credential_id: credentialId,
    leaf,
    hash: hash.toString('hex'),
    statement,
    issued_at: at.toISOString(),
    title: given.title,
    address: addressOf(context, given.token),
  }
  return { row, leafHash: hash }
}

async function record(
  { issuer }: CertificateContext,
  transaction: Transaction,
  versions: readonly ReturnType<typeof signVersion>[],
): Promise<void> {
  if (versions.length === 0) return
  const rows = JSON.stringify(versions.map(({ row }) => row))
  await transaction.query(sql`select private.record_certificates(${issuer.did}, ${rows})`)
  await transaction.query(sql`select plinth.add_job('print-certificates', '{}')`)
}
