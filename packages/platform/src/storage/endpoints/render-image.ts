import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { safeHeaders } from '../content/safe-headers.ts'
import { readTransformation, type Transformation, transformation } from '../images/transformation.ts'
import { readObjectPath } from '../names/names.ts'
import { findContent, findObject, findPublicObject } from '../objects/find-object.ts'
import type { ObjectRow } from '../objects/object-row.ts'
import { ownerOf } from '../objects/upload-object.ts'
import { cacheControlOf } from '../serve/cache-control.ts'
import { decideOutcome } from '../serve/conditions.ts'
import { sendBytes } from '../serve/send-bytes.ts'
import { answerWithout, conditionsOf, type Serving } from '../serve/serve-object.ts'
import { callerOf, checkInput, pathAfter, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'
import { findSignedObject } from './download.ts'

export const getPublicImage = (storage: StorageContext) => async (c: StorageCall) => {
  const row = await findPublicObject(storage, readObjectPath(pathAfter(c, '/render/image/public/')))
  return serveImage(c, storage, row, wantedOf(c), { audience: 'public' })
}

export const getAuthenticatedImage = (storage: StorageContext) => async (c: StorageCall) => {
  const place = readObjectPath(pathAfter(c, '/render/image/authenticated/'))
  return serveImage(c, storage, await findObject(storage, callerOf(c), place), wantedOf(c), {
    audience: 'private',
  })
}

/** The transformation is the one that was signed: whoever has the URL cannot ask for another. */
export const getSignedImage = (storage: StorageContext) => async (c: StorageCall) => {
  const { row, expiresAt, transformations } = await findSignedObject(c, storage, '/render/image/sign/')
  const mostSeconds = (expiresAt.getTime() - storage.clock.now().getTime()) / 1_000
  const wanted = transformations === undefined ? {} : readTransformation(transformations)
  return serveImage(c, storage, row, wanted, { audience: 'private', mostSeconds })
}

const wantedOf = (c: StorageCall): Transformation => checkInput(c.req.query(), transformation)

async function serveImage(
  c: StorageCall,
  storage: StorageContext,
  row: ObjectRow,
  wanted: Transformation,
  { audience, mostSeconds }: Serving,
): Promise<Response> {
  const { metadata } = row
  const content = await findContent(storage, row)
  const accept = c.req.header('accept')
  const image = await storage.images.render(content, metadata?.mimetype ?? '', wanted, accept)
  const found = {
    eTag: `"${createHash('sha256').update(image.bytes).digest('hex').slice(0, 32)}"`,
    lastModified: new Date(metadata?.lastModified ?? row.updated_at),
    size: image.bytes.length,
  }
  const headers = {
    ...safeHeaders(image.type, c.req.query('download')),
    etag: found.eTag,
    'last-modified': found.lastModified.toUTCString(),
    'cache-control': cacheControlOf(metadata?.cacheControl ?? '', audience, mostSeconds),
    vary: 'Accept',
  }
  const outcome = decideOutcome({ ...conditionsOf(c), range: undefined }, found)
  if (outcome.kind !== 'whole') return answerWithout(outcome, headers, found)
  return sendBytes(c, {
    status: 200,
    headers: { ...headers, 'content-length': String(found.size) },
    body: c.req.method === 'HEAD' ? undefined : Readable.from([image.bytes], { objectMode: false }),
    onSent: (bytes) => storage.traffic.count(row.bucket_id, ownerOf(c.var.caller), bytes),
  })
}
