import { storageErrors } from '../errors.ts'
import { readObjectPath } from '../names/names.ts'
import {
  findGrantedObject,
  findObject,
  findPublicObject,
  findReadableObject,
} from '../objects/find-object.ts'
import type { ObjectRow } from '../objects/object-row.ts'
import { serveObject } from '../serve/serve-object.ts'
import { callerOf, pathAfter, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'

export const getPublicObject = (storage: StorageContext) => async (c: StorageCall) => {
  const row = await findPublicObject(storage, readObjectPath(pathAfter(c, '/object/public/')))
  return serveObject(c, storage, row, { audience: 'public' })
}

export const getAuthenticatedObject = (storage: StorageContext) => async (c: StorageCall) => {
  const row = await findObject(storage, callerOf(c), readObjectPath(pathAfter(c, '/object/authenticated/')))
  return serveObject(c, storage, row, { audience: 'private' })
}

/** What the caller may read, in whatever bucket. */
export const getObject = (storage: StorageContext) => async (c: StorageCall) => {
  const row = await findReadableObject(storage, callerOf(c), readObjectPath(pathAfter(c, '/object/')))
  return serveObject(c, storage, row, { audience: row.isPublic ? 'public' : 'private' })
}

export const getSignedObject = (storage: StorageContext) => async (c: StorageCall) => {
  const { row, expiresAt } = await findSignedObject(c, storage, '/object/sign/')
  const mostSeconds = (expiresAt.getTime() - storage.clock.now().getTime()) / 1_000
  return serveObject(c, storage, row, { audience: 'private', mostSeconds })
}

/** The object that the address's token was signed for. Fails with `invalid_signature` or `no_such_object`. */
export async function findSignedObject(c: StorageCall, storage: StorageContext, prefix: string) {
  const place = readObjectPath(pathAfter(c, prefix))
  const grant = await storage.tokens.verifyRead(c.req.query('token') ?? '')
  if (grant.url !== `${place.bucket}/${place.name}`)
    throw storageErrors.invalid_signature({ problem: 'the token is for another object' })
  return { ...grant, row: await findGrantedObject(storage, place) }
}

export const getObjectInfo = (storage: StorageContext) => async (c: StorageCall) =>
  describe(c, await findReadableObject(storage, callerOf(c), readObjectPath(pathAfter(c, '/object/info/'))))

export const getPublicObjectInfo = (storage: StorageContext) => async (c: StorageCall) =>
  describe(c, await findPublicObject(storage, readObjectPath(pathAfter(c, '/object/info/public/'))))

export const getAuthenticatedObjectInfo = (storage: StorageContext) => async (c: StorageCall) =>
  describe(
    c,
    await findObject(storage, callerOf(c), readObjectPath(pathAfter(c, '/object/info/authenticated/'))),
  )

const isoOf = (instant: string): string => new Date(instant).toISOString()

function describe(c: StorageCall, row: ObjectRow) {
  const { metadata } = row
  return c.json(
    {
      id: row.id,
      name: row.name,
      version: row.version,
      bucket_id: row.bucket_id,
      size: metadata?.size ?? null,
      content_type: metadata?.mimetype ?? null,
      cache_control: metadata?.cacheControl ?? null,
      content_encoding: metadata?.contentEncoding ?? null,
      etag: metadata?.eTag ?? null,
      metadata: row.user_metadata ?? {},
      last_modified: metadata?.lastModified ?? isoOf(row.updated_at),
      created_at: isoOf(row.created_at),
      updated_at: isoOf(row.updated_at),
    },
    200,
    { 'cache-control': 'no-store' },
  )
}
