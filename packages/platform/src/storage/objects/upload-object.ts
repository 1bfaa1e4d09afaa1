import { randomUUID } from 'node:crypto'
import { type Caller, type Statement, serviceCaller, sql } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import type { StagedContent } from '../bytes/vault.ts'
import { decideType, headBytes } from '../content/decide-type.ts'
import { storageErrors } from '../errors.ts'
import { requireObjectName } from '../names/names.ts'
import type { Reservation } from '../quota/byte-quota.ts'
import { asQuota } from '../quota/hold-quota.ts'
import { withRoom } from '../quota/with-room.ts'
import type { StorageContext } from '../storage-context.ts'
import { findBucket } from './find-object.ts'
import type { BucketRow, ObjectMetadata, ObjectPlace } from './object-row.ts'
import { attempt } from './translate-error.ts'

/** Where an upload goes, and in whose name. */
export interface UploadTarget extends ObjectPlace {
  readonly caller: Caller
  /** True: what is there is overwritten. */
  readonly upsert: boolean
  /** The user who will own the object; null for a key. */
  readonly ownerId: string | null
}

/** What the uploader says of the content. */
export interface ContentFacts {
  /** As sent; the content itself decides. */
  readonly contentType: string
  /** A header's value: `max-age=3600`. */
  readonly cacheControl: string
  readonly userMetadata: JsonObject | null
  /** Encoding that the content already has, for the header. */
  readonly contentEncoding?: string | undefined
}

/** An upload that may take place. */
export interface AdmittedUpload extends UploadTarget {
  readonly bucketRow: BucketRow
  /** Most bytes. */
  readonly limit: number
  readonly isSealed: boolean
}

export interface UploadedObject extends ObjectPlace {
  readonly id: string
  readonly metadata: ObjectMetadata
}

/** A caller who owns what is uploaded: the user of the token. */
export const ownerOf = (caller: Caller): string | null =>
  typeof caller.claims.sub === 'string' ? caller.claims.sub : null

/** In whose name a signed upload is written: policies were asked when it was signed. */
export const grantedCaller = (): Caller => serviceCaller('a signed upload')

/**
 * Asks, before any byte is taken, whether the caller may put an object there: the row is written and taken back. Fails with
 * `invalid_object_name`, `no_such_bucket`, `storage_access_denied`, `object_exists`, or `object_too_large` for an announced
 * size.
 */
export async function admitUpload(
  storage: StorageContext,
  target: UploadTarget,
  announced?: number,
): Promise<AdmittedUpload> {
  requireObjectName(target.name)
  const bucketRow = await findBucket(storage, target.bucket)
  const limit = Math.min(storage.settings.fileSizeLimit, Number(bucketRow.file_size_limit ?? Infinity))
  if (announced !== undefined && announced > limit) throw storageErrors.object_too_large({ limit })
  const draft = writeObject(target, { id: randomUUID(), version: null, metadata: null, userMetadata: null })
  await attempt(storage, uploading(target), () =>
    storage.database.asCaller(target.caller, draft, { rollback: true }),
  )
  const isSealed = storage.settings.encryptedBuckets.includes(target.bucket)
  return { ...target, bucketRow, limit, isSealed }
}

/**
 * Takes the bytes in, makes them findable, and then writes the object's row, as the caller. Whatever fails, no row is without
 * its bytes; bytes without a row are removed later.
 */
export async function uploadObject(
  storage: StorageContext,
  upload: AdmittedUpload,
  facts: ContentFacts,
  source: AsyncIterable<Uint8Array>,
  announced?: number,
): Promise<UploadedObject> {
  return withRoom(storage, upload, announced ?? 0, async (room) => {
    const watched = watchContent(source, upload, facts.contentType)
    const staged = await storage.vault.stage(watched.source, upload.isSealed)
    try {
      const contentType = await watched.type()
      const version = await claimContent(storage, upload, staged, room)
      return await orReturnRoom(storage, room, version, async () => {
        await staged.publish()
        return attachVersion(storage, upload, { ...facts, contentType }, { ...staged, version })
      })
    } catch (error) {
      await staged.discard()
      throw error
    }
  })
}

/**
 * Records bytes that are about to become findable; from then on nothing removes them for a while, and the room that was held
 * for them is used. Fails with `quota_exceeded` when they are more than there is room for.
 */
export async function claimContent(
  { database }: Pick<StorageContext, 'database'>,
  { bucket, name }: ObjectPlace,
  { id, size, sha256, isSealed }: Pick<StagedContent, 'id' | 'size' | 'sha256' | 'isSealed'>,
  room: Reservation | null,
): Promise<string> {
  const { rows } = await asQuota(size, () =>
    database.asOwner<{ version: string }>(sql`
      select plinth.claim_bytes(${id}, ${size}, ${sha256}, ${isSealed}, ${bucket}, ${name},
        ${room?.key ?? null}, ${room?.account ?? null}) as version`),
  )
  return rows[0]!.version
}

/** Does what makes an object of claimed bytes; when it fails, they take nobody's room any more. */
export async function orReturnRoom<T>(
  { database }: Pick<StorageContext, 'database'>,
  room: Reservation | null,
  version: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (room) await database.asOwner(sql`select plinth.return_room(array[${version}])`)
    throw error
  }
}

/** Writes the row of an object whose bytes are there. */
export async function attachVersion(
  storage: StorageContext,
  upload: UploadTarget,
  facts: ContentFacts,
  content: { readonly version: string; readonly size: number; readonly sha256: Buffer },
): Promise<UploadedObject> {
  const metadata = metadataOf(content, facts, storage.clock.now())
  const id = randomUUID()
  const { userMetadata } = facts
  const written = writeObject(upload, { id, version: content.version, metadata, userMetadata })
  const { rows } = await attempt(storage, uploading(upload), () =>
    storage.database.asCaller<{ id: string }>(upload.caller, written),
  )
  if (upload.upsert) await storage.purge([`${upload.bucket}/${upload.name}`])
  return { id: rows[0]?.id ?? id, bucket: upload.bucket, name: upload.name, metadata }
}

/** What is recorded of content; the ETag is made of its hash. */
function metadataOf(
  { size, sha256 }: { readonly size: number; readonly sha256: Buffer },
  facts: ContentFacts,
  now: Date,
): ObjectMetadata {
  return {
    eTag: `"${sha256.toString('hex').slice(0, 32)}"`,
    size,
    mimetype: facts.contentType,
    cacheControl: facts.cacheControl,
    lastModified: now.toISOString(),
    contentLength: size,
    httpStatusCode: 200,
    ...(facts.contentEncoding === undefined ? {} : { contentEncoding: facts.contentEncoding }),
  }
}

const uploading = ({ upsert }: UploadTarget) => ({
  action: upsert ? 'uploading over what may be there' : 'uploading',
  operations: upsert ? 'insert, select and update' : 'insert',
})

interface ObjectValues {
  readonly id: string
  readonly version: string | null
  readonly metadata: ObjectMetadata | null
  readonly userMetadata: JsonObject | null
}

/** Only an upsert gives something back: that takes the right to select, which an upload alone does not. */
function writeObject({ bucket, name, ownerId, upsert }: UploadTarget, values: ObjectValues): Statement {
  const owner = isUuid(ownerId) ? ownerId : null
  const insert = sql`
    insert into storage.objects (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata)
    values (${values.id}, ${bucket}, ${name}, ${owner}, ${ownerId}, ${values.version}, ${values.metadata}, ${values.userMetadata})`
  if (!upsert) return insert
  return {
    ...insert,
    text: `${insert.text}
      on conflict (bucket_id, name) do update set version = excluded.version, metadata = excluded.metadata,
        user_metadata = excluded.user_metadata, owner = excluded.owner, owner_id = excluded.owner_id
      returning id`,
  }
}

const isUuid = (text: string | null): boolean =>
  text !== null && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** Bounds what comes, and finds out what it is as soon as its beginning is there. */
function watchContent(source: AsyncIterable<Uint8Array>, upload: AdmittedUpload, declared: string) {
  const { limit, bucketRow } = upload
  let type: Promise<string> | undefined
  const decide = (head: readonly Uint8Array[]) => {
    type = decideType(Buffer.concat(head).subarray(0, headBytes), declared, bucketRow.allowed_mime_types)
    // Asked for at the end; a failure before that is nobody's yet.
    type.catch(() => undefined)
    return type
  }
  async function* watch() {
    const head: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.byteLength
      if (bytes > limit) throw storageErrors.object_too_large({ limit })
      if (!type) {
        head.push(chunk)
        if (bytes >= headBytes) await decide(head)
      }
      yield chunk
    }
    if (!type) await decide(head)
  }
  return { source: watch(), type: () => type! }
}
