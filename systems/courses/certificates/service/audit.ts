import { type ProjectDatabase, sql } from '@plinth/platform/database'
import type { HealthStatus } from '@plinth/platform/http'
import { leafHash } from '@plinth/platform/merkle-log'
import type { CertificateContext } from './context.ts'

/** What differs between certificates, statements and log. */
export interface CertificateFinding {
  /**
   * `certificate`: a row says something else than what was signed. `statement`: a statement that is not its leaf.
   * `unexplained_leaf`: a leaf without a statement, as after a backup was restored. `log`: the log itself was altered.
   */
  readonly kind: 'certificate' | 'statement' | 'unexplained_leaf' | 'log'
  readonly what: string
}

const page = 1_000
const most = 100

/** Compares every row, statement, leaf and head with each other and with what was copied outside. At most 100 findings. */
export async function auditCertificates(context: CertificateContext): Promise<readonly CertificateFinding[]> {
  const findings: CertificateFinding[] = []
  for (const { kind, what } of await context.log.audit())
    findings.push({ kind: 'log', what: `${kind} ${what}` })
  const { rows } = await context.database.asOwner<{ certificate_id: string; problem: string }>(
    sql`select certificate_id, problem from private.contradictory_certificates()`,
  )
  for (const { certificate_id, problem } of rows)
    findings.push({ kind: 'certificate', what: `${certificate_id}: ${problem}` })
  for (let from = 0; findings.length < most; from += page) {
    const leaves = await context.log.leaves([from, from + page])
    if (leaves.length === 0) break
    findings.push(...(await auditStatements(context, from, leaves)))
  }
  const found = findings.slice(0, most)
  await context.database.asOwner(sql`
    insert into private.certificate_audits (audited_at, findings) values (${context.clock.now()}, ${JSON.stringify(found)})
    on conflict (only_one) do update set audited_at = excluded.audited_at, findings = excluded.findings`)
  return found
}

async function readLastAudit(database: ProjectDatabase) {
  const { rows } = await database.asOwner<{ findings: readonly CertificateFinding[] }>(
    sql`select findings from private.certificate_audits`,
  )
  return rows[0]?.findings
}

/** How certificates were when they were last compared with what was signed. */
export async function checkLastAudit(database: ProjectDatabase): Promise<HealthStatus> {
  const findings = (await readLastAudit(database)) ?? []
  if (findings.length === 0) return { status: 'ok' }
  return { status: 'degraded', detail: { findings: findings.length, first: findings[0] } }
}

/** Null before the first audit. */
export const countFindings = async (database: ProjectDatabase): Promise<number | null> =>
  (await readLastAudit(database))?.length ?? null

interface StatementRow {
  readonly leaf: string
  readonly hash: Buffer
  readonly statement: string | null
  readonly number: string
}

async function auditStatements(
  { database, issuer }: CertificateContext,
  from: number,
  leaves: readonly Buffer[],
): Promise<CertificateFinding[]> {
  const { rows } = await database.asOwner<StatementRow>(sql`
    select s.leaf, s.hash, s.statement, c.certificate_number as number
    from private.certificate_statements s join public.certificates c on c.id = s.certificate_id
    where s.issuer = ${issuer.did} and s.leaf >= ${from} and s.leaf < ${from + leaves.length} order by s.leaf`)
  const found = new Map(rows.map((row) => [Number(row.leaf), row]))
  return leaves.flatMap((leaf, at): CertificateFinding[] => {
    const row = found.get(from + at)
    const what = String(from + at)
    if (!row) return [{ kind: 'unexplained_leaf', what }]
    const isLeaf =
      row.hash.equals(leaf) && (row.statement === null || leafHash(Buffer.from(row.statement)).equals(leaf))
    if (!isLeaf) return [{ kind: 'statement', what }]
    const number = row.statement === null ? row.number : numberIn(row.statement)
    return number === row.number || number === undefined
      ? []
      : [{ kind: 'certificate', what: `${what}: certificate_number` }]
  })
}

/** The certificate's number in a credential; undefined in a revocation. */
function numberIn(statement: string): string | undefined {
  const payload = JSON.parse(Buffer.from(statement.split('.')[1]!, 'base64url').toString()) as {
    readonly credentialSubject?: { readonly licenseNumber?: string }
  }
  return payload.credentialSubject?.licenseNumber
}
