import { type ProjectDatabase, type Statement, sql } from '../../database/index.ts'
import { backupErrors } from '../errors.ts'

export type BackupStatus = 'waiting' | 'running' | 'completed' | 'failed' | 'removed'
export type BackupKind = 'full' | 'incremental'

/** A backup, as far as it came. */
export interface BackupRecord {
  readonly id: string
  /** Empty for what belongs to no tenant. */
  readonly tenant: string
  readonly trigger: 'schedule' | 'manual'
  /** The five minutes that a scheduled one is for. */
  readonly slot: Date | null
  readonly label: string | null
  readonly requestedBy: string | null
  readonly requestedAt: Date
  readonly status: BackupStatus
  readonly kind: BackupKind | null
  readonly base: string | null
  readonly previous: string | null
  /** The instant that it holds. */
  readonly takenAt: Date | null
  readonly completedAt: Date | null
  readonly milliseconds: number | null
  /** The last change of the tenant's journal that it holds. */
  readonly sequence: number | null
  readonly rows: number | null
  readonly bytes: number | null
  readonly parts: number | null
  /** Name of its manifest in the place of the backups. */
  readonly file: string | null
  /** Of the manifest. */
  readonly sha256: string | null
  readonly errorCode: string | null
  readonly error: string | null
  readonly rehearsedAt: Date | null
  readonly rehearsal: 'sound' | 'failed' | null
  /** When it was copied to the second place. */
  readonly copiedAt: Date | null
}

type Instants = 'slot' | 'requestedAt' | 'takenAt' | 'completedAt' | 'rehearsedAt' | 'copiedAt'
type Counts = 'sequence' | 'rows' | 'bytes'

/** As the database gives it: instants and large numbers as texts. */
type BackupRow = Omit<BackupRecord, Instants | Counts> & Readonly<Record<Instants | Counts, string | null>>

const columns = `id, tenant, trigger, slot, label, requested_by as "requestedBy", requested_at as "requestedAt", status, kind, base,
  previous, taken_at as "takenAt", completed_at as "completedAt", milliseconds, sequence, rows, bytes, parts, file, sha256,
  error_code as "errorCode", error, rehearsed_at as "rehearsedAt", rehearsal, copied_at as "copiedAt"`

const instantOf = (text: string | null) => (text === null ? null : new Date(text))
const countOf = (text: string | null) => (text === null ? null : Number(text))

const recordOf = (row: BackupRow): BackupRecord => ({
  ...row,
  slot: instantOf(row.slot),
  requestedAt: new Date(row.requestedAt!),
  takenAt: instantOf(row.takenAt),
  completedAt: instantOf(row.completedAt),
  rehearsedAt: instantOf(row.rehearsedAt),
  copiedAt: instantOf(row.copiedAt),
  sequence: countOf(row.sequence),
  rows: countOf(row.rows),
  bytes: countOf(row.bytes),
})

async function read(database: ProjectDatabase, condition: Statement): Promise<BackupRecord[]> {
  const { rows } = await database.asOwner<BackupRow & Record<string, unknown>>({
    ...condition,
    text: `select ${columns} from plinth.backups ${condition.text}`,
  })
  return rows.map(recordOf)
}

export interface ListOptions {
  /** Default: of all. */
  readonly tenant?: string | undefined
  readonly status?: BackupStatus | undefined
  /** At most so many, the newest first. Default 100. */
  readonly limit?: number | undefined
}

export const listBackups = (
  database: ProjectDatabase,
  { tenant, status, limit = 100 }: ListOptions,
): Promise<BackupRecord[]> =>
  read(
    database,
    sql`where (${tenant ?? null}::text is null or tenant = ${tenant ?? null})
      and (${status ?? null}::text is null or status = ${status ?? null})
    order by requested_at desc, id limit ${limit}`,
  )

/** Fails with `backup_unknown`. */
export async function findBackup(database: ProjectDatabase, id: string): Promise<BackupRecord> {
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)
  const [found] = isUuid ? await read(database, sql`where id = ${id}`) : []
  if (!found) throw backupErrors.backup_unknown({ id })
  return found
}

/** The newest completed backup that holds an instant's past: taken at or before it. Undefined when there is none. */
export async function findNearest(
  database: ProjectDatabase,
  tenant: string,
  at: Date,
): Promise<BackupRecord | undefined> {
  const [found] = await read(
    database,
    sql`where tenant = ${tenant} and status = 'completed' and taken_at <= ${at} order by taken_at desc limit 1`,
  )
  return found
}

/**
 * The backups that are needed to restore one, in the order in which they are read: its base, what lies between, itself.
 * Fails with `backup_unknown` or `backup_not_complete`.
 */
export async function readChain(database: ProjectDatabase, id: string): Promise<readonly BackupRecord[]> {
  const last = await findBackup(database, id)
  requireComplete(last)
  const chain = [last]
  while (chain[0]!.kind === 'incremental') {
    const before = await findBackup(database, chain[0]!.previous!)
    requireComplete(before)
    chain.unshift(before)
  }
  return chain
}

function requireComplete({ id, status }: BackupRecord): void {
  if (status !== 'completed') throw backupErrors.backup_not_complete({ id, status })
}
