import type { QueryResultRow } from 'pg'
import { type Caller, type ProjectDatabase, sql } from '../../database/index.ts'
import type { ContentFacts } from '../objects/upload-object.ts'
import { asQuota } from '../quota/hold-quota.ts'

/** What was found out of complete bytes. */
export interface CompleteContent {
  readonly size: number
  /** SHA-256 in hexadecimal. */
  readonly sha256: string
  readonly contentType: string
}

/** A resumable upload as it is recorded. */
export interface UploadRow {
  readonly id: string
  readonly bucket: string
  readonly name: string
  readonly caller: Pick<Caller, 'role' | 'claims'> & { readonly isGranted?: boolean }
  readonly ownerId: string | null
  readonly upsert: boolean
  readonly isSealed: boolean
  /** Most bytes. */
  readonly limit: number
  /** Undefined while the client has not said. */
  readonly length: number | undefined
  readonly facts: ContentFacts
  /** As the client sent it. */
  readonly tusMetadata: Readonly<Record<string, string | null>>
  readonly version: string | null
  readonly content: CompleteContent | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly finishedAt: Date | null
  /** Pool whose room is held under the upload's id; null for nobody's. */
  readonly account: string | null
}

export type NewUpload = Omit<UploadRow, 'version' | 'content' | 'finishedAt' | 'account'>

/** What needs no translation. */
type Plain =
  | 'account'
  | 'id'
  | 'bucket'
  | 'name'
  | 'caller'
  | 'ownerId'
  | 'upsert'
  | 'isSealed'
  | 'version'
  | 'content'

interface Row extends QueryResultRow, Pick<UploadRow, Plain> {
  readonly size_limit: string
  readonly length: string | null
  readonly metadata: Pick<UploadRow, 'facts' | 'tusMetadata'>
  readonly created_at: string
  readonly expires_at: string
  readonly finished_at: string | null
}

export async function insertUpload(
  database: ProjectDatabase,
  upload: NewUpload,
  account: string | null,
): Promise<void> {
  const { facts, tusMetadata } = upload
  await database.asOwner(sql`
    insert into plinth.storage_uploads
      (id, bucket_id, name, caller, owner_id, upsert, is_sealed, size_limit, length, metadata, created_at, expires_at, account)
    values (${upload.id}, ${upload.bucket}, ${upload.name}, ${upload.caller}, ${upload.ownerId}, ${upload.upsert},
      ${upload.isSealed}, ${upload.limit}, ${upload.length ?? null}, ${{ facts, tusMetadata }}, ${upload.createdAt}, ${upload.expiresAt}, ${account})`)
}

const uploadId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export async function readUpload(database: ProjectDatabase, id: string): Promise<UploadRow | undefined> {
  if (!uploadId.test(id)) return undefined
  const { rows } = await database.asOwner<Row>(sql`
    select id, bucket_id as bucket, name, caller, owner_id as "ownerId", upsert, is_sealed as "isSealed", size_limit, length,
      metadata, version, content, account, created_at, expires_at, finished_at
    from plinth.storage_uploads where id = ${id}`)
  const row = rows[0]
  if (!row) return undefined
  return {
    ...row,
    ...row.metadata,
    limit: Number(row.size_limit),
    length: row.length === null ? undefined : Number(row.length),
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
  }
}

/** The length is said once. */
export async function declareLength(database: ProjectDatabase, id: string, length: number): Promise<void> {
  await database.asOwner(
    sql`update plinth.storage_uploads set length = ${length} where id = ${id} and length is null`,
  )
}

/** Remembers, in the transaction that claims the bytes, what is left to do. */
export async function recordContent(
  database: ProjectDatabase,
  upload: UploadRow,
  blob: { readonly id: string; readonly sha256: Buffer },
  content: CompleteContent,
): Promise<string> {
  const { rows } = await asQuota(content.size, () =>
    database.asOwner<{ version: string }>(sql`
      update plinth.storage_uploads set content = ${content}, version = plinth.claim_bytes(
        ${blob.id}, ${content.size}, ${blob.sha256}, ${upload.isSealed}, ${upload.bucket}, ${upload.name}, id::text, account)
      where id = ${upload.id} returning version`),
  )
  return rows[0]!.version
}

export async function markFinished(database: ProjectDatabase, id: string, now: Date): Promise<void> {
  await database.asOwner(sql`update plinth.storage_uploads set finished_at = ${now} where id = ${id}`)
}

export async function deleteUpload(database: ProjectDatabase, id: string): Promise<void> {
  await database.asOwner(sql`delete from plinth.storage_uploads where id = ${id}`)
}

export async function listExpired(database: ProjectDatabase, now: Date): Promise<readonly string[]> {
  const { rows } = await database.asOwner<{ id: string }>(sql`
    select id from plinth.storage_uploads
    where expires_at < ${now} and (writer_until is null or writer_until < clock_timestamp()) limit 1000`)
  return rows.map(({ id }) => id)
}

/** Seconds for which a writer that says nothing more still counts as one. */
const lease = 30

/** True when `writer` may write to the upload now; said again while it writes. */
export async function takeLease(database: ProjectDatabase, id: string, writer: string): Promise<boolean> {
  const { rowCount } = await database.asOwner(sql`
    update plinth.storage_uploads set writer = ${writer}, writer_until = clock_timestamp() + make_interval(secs => ${lease})
    where id = ${id} and (writer is null or writer = ${writer} or writer_until < clock_timestamp())`)
  return rowCount === 1
}

export async function giveLeaseBack(database: ProjectDatabase, id: string, writer: string): Promise<void> {
  await database.asOwner(sql`
    update plinth.storage_uploads set writer = null, writer_until = null where id = ${id} and writer = ${writer}`)
}

/** How often a writer says that it still writes. Milliseconds. */
export const leaseInterval = (lease * 1_000) / 3
