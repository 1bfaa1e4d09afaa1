import type { QueryResultRow } from 'pg'
import { type Caller, type Statement, sql } from '../../database/index.ts'
import { storageErrors } from '../errors.ts'
import type { StorageContext } from '../storage-context.ts'
import type { BucketRow, ObjectPlace, ObjectRow, StoredObject } from './object-row.ts'

interface FoundRow extends ObjectRow, QueryResultRow {}

const columns =
  'o.id, o.bucket_id, o.name, o.owner_id, o.version, o.metadata, o.user_metadata, o.created_at, o.updated_at'

const oneObject = ({ bucket, name }: ObjectPlace): Statement => ({
  name: 'plinth_storage_object',
  text: `select ${columns} from storage.objects o where o.bucket_id = $1 and o.name = $2`,
  values: [bucket, name],
})

const onePublicObject = ({ bucket, name }: ObjectPlace): Statement => ({
  name: 'plinth_storage_public_object',
  text: `select ${columns} from storage.objects o join storage.buckets b on b.id = o.bucket_id
    where o.bucket_id = $1 and o.name = $2 and b.public`,
  values: [bucket, name],
})

/** The object that the caller's policies show at a place. Fails with `no_such_object`. */
export async function findObject(
  { database }: Pick<StorageContext, 'database'>,
  caller: Caller,
  place: ObjectPlace,
): Promise<ObjectRow> {
  const { rows } = await database.asCaller<FoundRow>(caller, oneObject(place), { readOnly: true })
  if (!rows[0]) throw storageErrors.no_such_object()
  return rows[0]
}

/** An object that anybody may read because its bucket is public. Fails with `no_such_object`. */
export async function findPublicObject(
  { database }: Pick<StorageContext, 'database'>,
  place: ObjectPlace,
): Promise<ObjectRow> {
  const { rows } = await database.asOwner<FoundRow>(onePublicObject(place))
  if (!rows[0]) throw storageErrors.no_such_object()
  return rows[0]
}

/** What the caller may read at a place: what policies show, and everything in public buckets. Fails with `no_such_object`. */
export async function findReadableObject(
  storage: Pick<StorageContext, 'database'>,
  caller: Caller,
  place: ObjectPlace,
): Promise<ObjectRow & { readonly isPublic: boolean }> {
  const { rows } = await storage.database.asCaller<FoundRow>(caller, oneObject(place), { readOnly: true })
  if (rows[0]) return { ...rows[0], isPublic: false }
  return { ...(await findPublicObject(storage, place)), isPublic: true }
}

/** An object that a signed URL gives access to. Fails with `no_such_object`. */
export async function findGrantedObject(
  { database }: Pick<StorageContext, 'database'>,
  place: ObjectPlace,
): Promise<ObjectRow> {
  const { rows } = await database.asOwner<FoundRow>(oneObject(place))
  if (!rows[0]) throw storageErrors.no_such_object()
  return rows[0]
}

/** A bucket, whoever asks. Fails with `no_such_bucket`. */
export async function findBucket(
  { database }: Pick<StorageContext, 'database'>,
  id: string,
): Promise<BucketRow> {
  const { rows } = await database.asOwner<BucketRow & QueryResultRow>(sql`
    select id, coalesce(public, false) as public, file_size_limit, allowed_mime_types from storage.buckets where id = ${id}`)
  if (!rows[0]) throw storageErrors.no_such_bucket()
  return rows[0]
}

/** The object's bytes. Fails with `bytes_missing` for a row that never had any. */
export async function findContent(
  { database }: Pick<StorageContext, 'database'>,
  row: ObjectRow,
): Promise<StoredObject['content']> {
  const { rows } = await database.asOwner<{ id: string; size: string; isSealed: boolean }>({
    name: 'plinth_storage_content',
    text: `select b.id, b.size, b.is_sealed as "isSealed"
      from plinth.storage_versions v join plinth.storage_blobs b on b.id = v.blob where v.version = $1`,
    values: [row.version],
  })
  const found = rows[0]
  if (!found) throw storageErrors.bytes_missing({ id: row.version })
  return { ...found, size: Number(found.size) }
}
