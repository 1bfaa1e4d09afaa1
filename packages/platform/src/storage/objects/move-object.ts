import { randomUUID } from 'node:crypto'
import type { QueryResultRow } from 'pg'
import { type Caller, sql } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import type { StagedContent, StoredContent } from '../bytes/vault.ts'
import { isAllowedType } from '../content/decide-type.ts'
import { storageErrors } from '../errors.ts'
import { requireObjectName } from '../names/names.ts'
import type { Reservation } from '../quota/byte-quota.ts'
import { withRoom } from '../quota/with-room.ts'
import type { StorageContext } from '../storage-context.ts'
import { findBucket, findContent, findObject, findReadableObject } from './find-object.ts'
import type { ObjectMetadata, ObjectPlace, ObjectRow } from './object-row.ts'
import { attempt } from './translate-error.ts'
import { admitUpload, claimContent, orReturnRoom, ownerOf } from './upload-object.ts'

/** Gives an object another name or bucket. Fails with `no_such_object`, `object_exists` or `storage_access_denied`. */
export async function moveObject(
  storage: StorageContext,
  caller: Caller,
  from: ObjectPlace,
  to: ObjectPlace,
): Promise<{ readonly id: string }> {
  requireObjectName(to.name)
  const row = await findObject(storage, caller, from)
  const moving = { action: 'moving', operations: 'select and update' }
  const version = from.bucket === to.bucket ? row.version : await prepareBytes(storage, row, to)
  const { rows } = await attempt(storage, moving, () =>
    storage.database.asCaller<{ id: string }>(
      caller,
      sql`
      update storage.objects set bucket_id = ${to.bucket}, name = ${to.name}, version = ${version}
      where id = ${row.id} and bucket_id = ${from.bucket} and name = ${from.name}
        and version is not distinct from ${row.version} returning id`,
    ),
  )
  if (!rows[0]) throw storageErrors.no_such_object()
  await storage.purge([from, to].map(({ bucket, name }) => `${bucket}/${name}`))
  return rows[0]
}

/** In another bucket other rules hold: what it takes, and whether it is encrypted. Gives the version to name. */
async function prepareBytes(
  storage: StorageContext,
  row: ObjectRow,
  to: ObjectPlace,
): Promise<string | null> {
  await requireTaken(storage, row, to)
  if (row.version === null) return null
  const content = await findContent(storage, row)
  if (content.isSealed === isSealed(storage, to)) return row.version
  const owner = { ...to, ownerId: row.owner_id }
  return withRoom(storage, owner, content.size, (room) => restage(storage, content, to, room))
}

export interface CopyOptions {
  readonly upsert: boolean
  /** What the copy says of itself instead of what the original says. */
  readonly metadata?:
    | Partial<Pick<ObjectMetadata, 'cacheControl' | 'mimetype' | 'contentEncoding'>>
    | undefined
}

/** Makes a second object of the same bytes, which are not copied unless one of the buckets is encrypted. */
export async function copyObject(
  storage: StorageContext,
  caller: Caller,
  from: ObjectPlace,
  to: ObjectPlace,
  { upsert, metadata }: CopyOptions,
): Promise<{ readonly id: string }> {
  const row = await findReadableObject(storage, caller, from)
  const ownerId = ownerOf(caller)
  const admitted = await admitUpload(storage, { ...to, caller, upsert, ownerId }, row.metadata?.size)
  await requireTaken(storage, row, to)
  const content = await findContent(storage, row)
  return withRoom(storage, admitted, content.size, async (room) => {
    const version =
      content.isSealed === admitted.isSealed
        ? await shareBytes(storage, content, to, room)
        : await restage(storage, content, to, room)
    return orReturnRoom(storage, room, version, () =>
      attempt(storage, { action: 'copying', operations: 'insert' }, () =>
        insertCopy(storage, caller, row, { ...to, upsert, ownerId, version, metadata }),
      ),
    )
  })
}

interface Copy extends ObjectPlace {
  readonly upsert: boolean
  readonly ownerId: string | null
  readonly version: string
  readonly metadata: CopyOptions['metadata']
}

async function insertCopy(
  { database, clock }: StorageContext,
  caller: Caller,
  { metadata, user_metadata }: ObjectRow,
  copy: Copy,
): Promise<{ readonly id: string }> {
  const written: ObjectMetadata = {
    ...metadata!,
    ...copy.metadata,
    lastModified: clock.now().toISOString(),
  }
  const id = randomUUID()
  const insert = sql`
    insert into storage.objects (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata)
    values (${id}, ${copy.bucket}, ${copy.name}, (select auth.uid()), ${copy.ownerId}, ${copy.version},
      ${written}, ${user_metadata satisfies JsonObject | null})`
  const statement = copy.upsert
    ? {
        ...insert,
        text: `${insert.text} on conflict (bucket_id, name) do update set version = excluded.version,
          metadata = excluded.metadata, user_metadata = excluded.user_metadata, owner = excluded.owner,
          owner_id = excluded.owner_id returning id`,
      }
    : insert
  const { rows } = await database.asCaller<{ id: string } & QueryResultRow>(caller, statement)
  return { id: rows[0]?.id ?? id }
}

/** Fails with the refusal that an upload of the object to that bucket would meet. */
async function requireTaken(storage: StorageContext, row: ObjectRow, to: ObjectPlace): Promise<void> {
  const bucket = await findBucket(storage, to.bucket)
  const limit = Math.min(storage.settings.fileSizeLimit, Number(bucket.file_size_limit ?? Infinity))
  const { size = 0, mimetype = '' } = row.metadata ?? {}
  if (size > limit) throw storageErrors.object_too_large({ limit })
  const allowed = bucket.allowed_mime_types
  if (allowed && !isAllowedType(mimetype, allowed))
    throw storageErrors.mime_type_refused({ type: mimetype, allowed: allowed.join(', ') })
}

const isSealed = ({ settings }: StorageContext, { bucket }: ObjectPlace): boolean =>
  settings.encryptedBuckets.includes(bucket)

/** A further version of bytes that are there. */
async function shareBytes(
  storage: StorageContext,
  content: StoredContent,
  to: ObjectPlace,
  room: Reservation | null,
): Promise<string> {
  const { rows } = await storage.database.asOwner<{ sha256: Buffer }>(
    sql`select sha256 from plinth.storage_blobs where id = ${content.id}`,
  )
  if (!rows[0]) throw storageErrors.bytes_missing({ id: content.id })
  const version = await claimContent(storage, to, { ...content, sha256: rows[0].sha256 }, room)
  // A removal that was under way when they were claimed has taken them.
  if ((await storage.vault.store.sizeOf(content.id)) === undefined)
    throw storageErrors.bytes_missing({ id: content.id })
  return version
}

/** The same content, stored as the other bucket wants it. */
async function restage(
  storage: StorageContext,
  content: StoredContent,
  to: ObjectPlace,
  room: Reservation | null,
): Promise<string> {
  const source = await storage.vault.read(content)
  const staged: StagedContent = await storage.vault.stage(source, isSealed(storage, to))
  try {
    const version = await claimContent(storage, to, staged, room)
    await staged.publish()
    return version
  } catch (error) {
    await staged.discard()
    throw error
  }
}
