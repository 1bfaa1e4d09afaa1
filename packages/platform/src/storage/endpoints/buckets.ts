import { z } from 'zod'
import { createBucket, deleteBucket, listBuckets, readBucket, updateBucket } from '../buckets/buckets.ts'
import { storageErrors } from '../errors.ts'
import { readFileSize } from '../names/file-size.ts'
import { decodePath } from '../names/names.ts'
import { removeAllObjects } from '../objects/remove-objects.ts'
import { answerJson, callerOf, checkInput, readInput, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'

const fileSize = z.union([z.number(), z.string()]).transform(readFileSize).nullish()
const mimeType = z.string().regex(/^([\w.+*-]+\/[\w.+*-]+|\*)(;.*)?$/, 'is no MIME type')

const settings = z.object({
  public: z.boolean().optional(),
  file_size_limit: fileSize,
  allowed_mime_types: z.array(mimeType).max(200).nullish(),
  type: z.literal('STANDARD').optional(),
  versioning_status: z.literal('DISABLED').optional(),
})
const newBucket = settings.extend({ name: z.string(), id: z.string().optional() })

const settingsOf = (given: z.output<typeof settings>) => ({
  public: given.public,
  fileSizeLimit: given.file_size_limit,
  allowedMimeTypes: given.allowed_mime_types,
})

const list = z.object({
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
  offset: z.coerce.number().int().min(0).default(0),
  sortColumn: z.enum(['id', 'name', 'created_at', 'updated_at']).default('id'),
  sortOrder: z.enum(['asc', 'desc']).default('asc'),
  search: z.string().default(''),
})

export const getBuckets = (storage: StorageContext) => async (c: StorageCall) => {
  const { limit, offset, sortColumn, sortOrder, search } = checkInput(c.req.query(), list)
  const wanted = { limit, offset, column: sortColumn, order: sortOrder, search }
  return answerJson(c, await listBuckets(storage, callerOf(c), wanted))
}

export const getBucket = (storage: StorageContext) => async (c: StorageCall) =>
  answerJson(c, await readBucket(storage, callerOf(c), bucketOf(c)))

export const postBucket = (storage: StorageContext) => async (c: StorageCall) => {
  const given = await readInput(c, newBucket)
  const name = await createBucket(storage, callerOf(c), given.id ?? given.name, settingsOf(given))
  return c.json({ name })
}

export const putBucket = (storage: StorageContext) => async (c: StorageCall) => {
  const given = await readInput(c, settings)
  await updateBucket(storage, callerOf(c), bucketOf(c), settingsOf(given))
  return c.json({ message: 'Successfully updated' })
}

export const emptyBucket = (storage: StorageContext) => async (c: StorageCall) => {
  const [caller, bucket] = [callerOf(c), bucketOf(c)]
  await readBucket(storage, caller, bucket)
  await removeAllObjects(storage, caller, bucket)
  return c.json({ message: 'Successfully emptied' })
}

export const dropBucket = (storage: StorageContext) => async (c: StorageCall) => {
  await deleteBucket(storage, callerOf(c), bucketOf(c))
  return c.json({ message: 'Successfully deleted' })
}

/** What Supabase's clients can ask for and is not here. */
export const refuse = (feature: string) => (): never => {
  throw storageErrors.storage_not_supported({ feature })
}

const bucketOf = (c: StorageCall): string => decodePath(c.var.path.split('/')[2] ?? '')
