import { z } from 'zod'
import { storageErrors } from '../errors.ts'
import { decodePath, readObjectPath } from '../names/names.ts'
import { listFolder, listPage } from '../objects/list-objects.ts'
import { copyObject, moveObject } from '../objects/move-object.ts'
import { removeObjects } from '../objects/remove-objects.ts'
import { answerJson, callerOf, pathAfter, readInput, type StorageCall } from '../serve/surface-request.ts'
import type { StorageContext } from '../storage-context.ts'
import { isUpsert } from './upload.ts'

const order = z.enum(['asc', 'desc'])
/** There are no versions to list: what is current is all there is. */
const onlyCurrent = z.literal('exclude').optional()

const folder = z.object({
  prefix: z.string().default(''),
  limit: z.number().int().min(1).max(10_000).default(100),
  offset: z.number().int().min(0).max(100_000_000).default(0),
  search: z.string().nullish(),
  sortBy: z
    .object({
      column: z.enum(['name', 'created_at', 'updated_at', 'last_accessed_at']).default('name'),
      order: order.default('asc'),
    })
    .prefault({}),
  noncurrentVersions: onlyCurrent,
  deleteMarkers: onlyCurrent,
})

export const postList = (storage: StorageContext) => async (c: StorageCall) => {
  const bucket = decodePath(pathAfter(c, '/object/list/'))
  const { prefix, limit, offset, search, sortBy } = await readInput(c, folder)
  const query = { bucket, folder: prefix, limit, offset, search: search ?? '', ...sortBy }
  return answerJson(c, await listFolder(storage, callerOf(c), query))
}

const page = z.object({
  prefix: z.string().default(''),
  limit: z.number().int().min(1).max(10_000).default(1_000),
  cursor: z.string().optional(),
  with_delimiter: z.boolean().default(false),
  sortBy: z
    .object({
      column: z.enum(['name', 'created_at', 'updated_at']).default('name'),
      order: order.default('asc'),
    })
    .prefault({}),
  noncurrentVersions: onlyCurrent,
  deleteMarkers: onlyCurrent,
})

export const postListV2 = (storage: StorageContext) => async (c: StorageCall) => {
  const bucket = decodePath(pathAfter(c, '/object/list-v2/'))
  const { prefix, limit, cursor, with_delimiter: delimited, sortBy } = await readInput(c, page)
  return answerJson(
    c,
    await listPage(storage, callerOf(c), { bucket, prefix, limit, cursor, delimited, ...sortBy }),
  )
}

const removal = z.object({ prefixes: z.array(z.string().min(1)).min(1).max(1_000) })

export const deleteObjects = (storage: StorageContext) => async (c: StorageCall) => {
  const bucket = decodePath(pathAfter(c, '/object/'))
  const { prefixes } = await readInput(c, removal)
  return answerJson(c, (await removeObjects(storage, callerOf(c), bucket, prefixes)).json)
}

export const deleteObject = (storage: StorageContext) => async (c: StorageCall) => {
  const { bucket, name } = readObjectPath(pathAfter(c, '/object/'))
  const { count } = await removeObjects(storage, callerOf(c), bucket, [name])
  if (count === 0) throw storageErrors.no_such_object()
  return c.json({ message: 'Successfully deleted' })
}

const transfer = z.object({
  bucketId: z.string().min(1),
  sourceKey: z.string().min(1),
  destinationBucket: z.string().min(1).nullish(),
  destinationKey: z.string().min(1),
})
const copying = transfer.extend({
  copyMetadata: z.boolean().default(true),
  metadata: z
    .object({
      cacheControl: z.string().optional(),
      mimetype: z.string().optional(),
      contentEncoding: z.string().optional(),
    })
    .nullish(),
})

const placesOf = (given: z.output<typeof transfer>) =>
  [
    { bucket: given.bucketId, name: given.sourceKey },
    { bucket: given.destinationBucket ?? given.bucketId, name: given.destinationKey },
  ] as const

export const postMove = (storage: StorageContext) => async (c: StorageCall) => {
  const [from, to] = placesOf(await readInput(c, transfer))
  const { id } = await moveObject(storage, callerOf(c), from, to)
  return c.json({ message: 'Successfully moved', Id: id, Key: `${to.bucket}/${to.name}` })
}

export const postCopy = (storage: StorageContext) => async (c: StorageCall) => {
  const given = await readInput(c, copying)
  const [from, to] = placesOf(given)
  const metadata = given.copyMetadata ? undefined : pickDefined(given.metadata ?? {})
  const { id } = await copyObject(storage, callerOf(c), from, to, { upsert: isUpsert(c), metadata })
  return c.json({ Id: id, Key: `${to.bucket}/${to.name}` })
}

const pickDefined = <Given extends object>(given: Given): { [K in keyof Given]?: NonNullable<Given[K]> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)) as never
