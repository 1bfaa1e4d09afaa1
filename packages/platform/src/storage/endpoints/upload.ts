import { storageErrors } from '../errors.ts'
import { readObjectPath } from '../names/names.ts'
import {
  admitUpload,
  type ContentFacts,
  grantedCaller,
  ownerOf,
  type UploadedObject,
  type UploadTarget,
  uploadObject,
} from '../objects/upload-object.ts'
import { readCacheControl } from '../serve/cache-control.ts'
import { openBody, readChunks } from '../serve/read-body.ts'
import { readForm } from '../serve/read-form.ts'
import { callerOf, pathAfter, readUserMetadata, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'

/** POST makes an object, PUT overwrites what may be there, as does `x-upsert: true`. */
export const putObject = (storage: StorageContext) => async (c: StorageCall) => {
  const caller = callerOf(c)
  const upsert = c.req.method === 'PUT' || isUpsert(c)
  const place = readObjectPath(pathAfter(c, '/object/'))
  return answerUploaded(
    c,
    await takeUpload(c, storage, { ...place, caller, upsert, ownerId: ownerOf(caller) }),
  )
}

/** An upload by whoever has a token that was signed for it. */
export const putSignedObject = (storage: StorageContext) => async (c: StorageCall) => {
  const place = readObjectPath(pathAfter(c, '/object/upload/sign/'))
  const grant = await storage.tokens.verifyUpload(c.req.query('token') ?? '')
  if (grant.url !== `${place.bucket}/${place.name}`)
    throw storageErrors.invalid_signature({ problem: 'the token is for another object' })
  const target = { ...place, caller: grantedCaller(), upsert: grant.upsert, ownerId: grant.owner }
  return answerUploaded(c, await takeUpload(c, storage, target))
}

const answerUploaded = (c: StorageCall, { id, bucket, name }: UploadedObject) =>
  c.json({ Id: id, Key: `${bucket}/${name}` })

export const isUpsert = (c: StorageCall): boolean => c.req.header('x-upsert') === 'true'

async function takeUpload(
  c: StorageCall,
  storage: StorageContext,
  target: UploadTarget,
): Promise<UploadedObject> {
  const contentType = c.req.header('content-type') ?? ''
  const isForm = /^multipart\/form-data/i.test(contentType)
  const { stream, length } = openBody(c)
  // A form is longer than its file, by its fields.
  const announced = isForm && length !== undefined ? Math.max(0, length - longestFormHead) : length
  const admitted = await admitUpload(storage, target, announced)
  if (!isForm)
    return uploadObject(storage, admitted, factsOfHeaders(c, contentType), readChunks(stream), length)
  const form = await readForm(stream, contentType)
  const facts: ContentFacts = {
    contentType: form.fields.get('contentType') ?? form.contentType,
    cacheControl: readCacheControl(form.fields.get('cacheControl')),
    userMetadata: readUserMetadata(form.fields.get('metadata')),
    contentEncoding: readEncoding(form.fields.get('contentEncoding')),
  }
  return uploadObject(storage, admitted, facts, form.content)
}

const longestFormHead = 131_072

const factsOfHeaders = (c: StorageCall, contentType: string): ContentFacts => ({
  contentType,
  cacheControl: readCacheControl(c.req.header('cache-control')),
  userMetadata: readUserMetadata(decodeMetadata(c.req.header('x-metadata'))),
  contentEncoding: readEncoding(c.req.header('content-encoding')),
})

const decodeMetadata = (header: string | undefined): string | undefined =>
  header === undefined ? undefined : Buffer.from(header, 'base64').toString()

const encodings = new Set(['gzip', 'br', 'deflate', 'zstd'])

/** Bytes are kept as they came; the header says so again when they are read. */
function readEncoding(said: string | undefined): string | undefined {
  const encoding = said?.trim().toLowerCase()
  return encoding !== undefined && encodings.has(encoding) ? encoding : undefined
}
