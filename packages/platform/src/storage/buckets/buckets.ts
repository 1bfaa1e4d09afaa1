import type { QueryResultRow } from 'pg'
import { type Caller, isSqlError, type Statement, sql } from '../../database/index.ts'
import { storageErrors } from '../errors.ts'
import { requireBucketName } from '../names/names.ts'
import { attempt } from '../objects/translate-error.ts'
import { ownerOf } from '../objects/upload-object.ts'
import type { StorageContext } from '../storage-context.ts'

/** What a bucket is made with; undefined leaves a member as it is, or as it is by default. */
export interface BucketSettings {
  readonly public?: boolean | undefined
  /** Bytes; null for the project's limit. */
  readonly fileSizeLimit?: number | null | undefined
  /** Patterns such as `image/*`; null for all. */
  readonly allowedMimeTypes?: readonly string[] | null | undefined
}

export interface BucketList {
  readonly limit: number
  readonly offset: number
  readonly column: 'id' | 'name' | 'created_at' | 'updated_at'
  readonly order: 'asc' | 'desc'
  readonly search: string
}

const columns = `id, name, owner, owner_id, public, type, file_size_limit, allowed_mime_types, created_at, updated_at`

const seeing = { action: 'reading buckets', table: 'buckets', operations: 'select' } as const

/** The buckets that the caller may see, as JSON. */
export async function listBuckets(
  storage: StorageContext,
  caller: Caller,
  { limit, offset, column, order, search }: BucketList,
): Promise<string> {
  const statement: Statement = {
    text: `select coalesce(json_agg(to_json(b)), '[]')::text as json from (
        select ${columns} from storage.buckets where $1 = '' or strpos(lower(name), lower($1)) > 0
        order by ${column} ${order}, id limit $2 offset $3) b`,
    values: [search, limit, offset],
  }
  const { rows } = await attempt(storage, seeing, () =>
    storage.database.asCaller<{ json: string }>(caller, statement, { readOnly: true }),
  )
  return rows[0]!.json
}

/** One bucket as JSON. Fails with `no_such_bucket`. */
export async function readBucket(storage: StorageContext, caller: Caller, id: string): Promise<string> {
  const statement: Statement = {
    text: `select to_json(b)::text as json from (select ${columns} from storage.buckets where id = $1) b`,
    values: [id],
  }
  const { rows } = await attempt(storage, seeing, () =>
    storage.database.asCaller<{ json: string }>(caller, statement, { readOnly: true }),
  )
  return requireRow(rows).json
}

/** Fails with `invalid_bucket_name`, `bucket_exists`, `storage_access_denied` or `object_too_large`. */
export async function createBucket(
  storage: StorageContext,
  caller: Caller,
  id: unknown,
  settings: BucketSettings,
): Promise<string> {
  const name = requireBucketName(id)
  requireLimit(storage, settings)
  const { public: isPublic = false, fileSizeLimit = null, allowedMimeTypes = null } = settings
  await attempt(storage, { action: 'making a bucket', table: 'buckets', operations: 'insert' }, () =>
    storage.database.asCaller(
      caller,
      sql`
      insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
      values (${name}, ${name}, (select auth.uid()), ${ownerOf(caller)}, ${isPublic}, ${fileSizeLimit}, ${allowedMimeTypes})`,
    ),
  )
  return name
}

/** Fails with `no_such_bucket`, `storage_access_denied` or `object_too_large`. */
export async function updateBucket(
  storage: StorageContext,
  caller: Caller,
  id: string,
  settings: BucketSettings,
): Promise<void> {
  requireLimit(storage, settings)
  const { public: isPublic, fileSizeLimit, allowedMimeTypes } = settings
  const { rows } = await attempt(
    storage,
    { action: 'changing a bucket', table: 'buckets', operations: 'select and update' },
    () =>
      storage.database.asCaller<QueryResultRow>(
        caller,
        sql`
        update storage.buckets set
          public = case when ${isPublic !== undefined} then ${isPublic ?? null}::boolean else public end,
          file_size_limit = case when ${fileSizeLimit !== undefined} then ${fileSizeLimit ?? null}::bigint else file_size_limit end,
          allowed_mime_types = case when ${allowedMimeTypes !== undefined} then ${allowedMimeTypes ?? null}::text[] else allowed_mime_types end
        where id = ${id} returning id`,
      ),
  )
  requireRow(rows)
}

/** Fails with `no_such_bucket`, `bucket_not_empty` or `storage_access_denied`. */
export async function deleteBucket(storage: StorageContext, caller: Caller, id: string): Promise<void> {
  const deleting = { action: 'deleting a bucket', table: 'buckets', operations: 'select and delete' } as const
  const { rows } = await attempt(storage, deleting, async () => {
    try {
      return await storage.database.asCaller<QueryResultRow>(
        caller,
        sql`delete from storage.buckets where id = ${id} returning id`,
      )
    } catch (error) {
      throw isSqlError(error) && error.code === '23503' ? storageErrors.bucket_not_empty({}, error) : error
    }
  })
  requireRow(rows)
}

function requireRow<Row>([row]: readonly Row[]): Row {
  if (!row) throw storageErrors.no_such_bucket()
  return row
}

function requireLimit({ settings }: StorageContext, { fileSizeLimit }: BucketSettings): void {
  if (fileSizeLimit != null && fileSizeLimit > settings.fileSizeLimit)
    throw storageErrors.object_too_large({ limit: settings.fileSizeLimit })
}
