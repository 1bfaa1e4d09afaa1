import { z } from 'zod'
import { type Caller, sql } from '../../database/index.ts'
import { describeTransformation, transformation } from '../images/transformation.ts'
import { decodePath, readObjectPath } from '../names/names.ts'
import { findReadableObject } from '../objects/find-object.ts'
import type { ObjectPlace } from '../objects/object-row.ts'
import { admitUpload, ownerOf } from '../objects/upload-object.ts'
import { callerOf, pathAfter, readInput, type StorageCall } from '../serve/surface-request.ts'
import { uploadTokenSeconds } from '../settings.ts'
import type { StorageContext } from '../storage-context.ts'
import { isUpsert } from './upload.ts'

/** A hundred years: longer than anything here lasts. Seconds. */
const longest = 3_153_600_000
const expiresIn = z.number().int().min(1).max(longest)

const one = z.object({ expiresIn, transform: transformation.optional() })

export const postSign = (storage: StorageContext) => async (c: StorageCall) => {
  const place = readObjectPath(pathAfter(c, '/object/sign/'))
  const given = await readInput(c, one)
  await findReadableObject(storage, callerOf(c), place)
  const transformations = given.transform && describeTransformation(given.transform)
  const grant = { url: `${place.bucket}/${place.name}`, ...(transformations ? { transformations } : {}) }
  const token = await storage.tokens.signRead(grant, given.expiresIn)
  const kind = transformations ? 'render/image' : 'object'
  return c.json({ signedURL: `/${kind}/sign/${pathOf(place)}?token=${token}` })
}

const many = z.object({ expiresIn, paths: z.array(z.string().min(1)).min(1).max(1_000) })

const notFound = 'Either the object does not exist or you do not have access to it'

export const postSignMany = (storage: StorageContext) => async (c: StorageCall) => {
  const bucket = decodePath(pathAfter(c, '/object/sign/'))
  const { expiresIn: seconds, paths } = await readInput(c, many)
  const readable = await findReadableNames(storage, callerOf(c), bucket, paths)
  const answers = paths.map(async (path) => {
    if (!readable.has(path)) return { error: notFound, path, signedURL: null }
    const token = await storage.tokens.signRead({ url: `${bucket}/${path}` }, seconds)
    return { error: null, path, signedURL: `/object/sign/${pathOf({ bucket, name: path })}?token=${token}` }
  })
  return c.json(await Promise.all(answers))
}

/** Which of the names the caller may read: what policies show, and everything in a public bucket. */
async function findReadableNames(
  { database }: StorageContext,
  caller: Caller,
  bucket: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const [shown, open] = await Promise.all([
    database.asCaller<{ name: string }>(
      caller,
      sql`select name from storage.objects where bucket_id = ${bucket} and name = any (${names}::text[])`,
      { readOnly: true },
    ),
    database.asOwner<{ name: string }>(sql`
      select o.name from storage.objects o join storage.buckets b on b.id = o.bucket_id and b.public
      where o.bucket_id = ${bucket} and o.name = any (${names}::text[])`),
  ])
  return new Set([...shown.rows, ...open.rows].map(({ name }) => name))
}

export const postSignUpload = (storage: StorageContext) => async (c: StorageCall) => {
  const place = readObjectPath(pathAfter(c, '/object/upload/sign/'))
  const caller = callerOf(c)
  const [owner, upsert] = [ownerOf(caller), isUpsert(c)]
  await admitUpload(storage, { ...place, caller, upsert, ownerId: owner })
  const token = await storage.tokens.signUpload(
    { url: `${place.bucket}/${place.name}`, upsert, owner },
    uploadTokenSeconds,
  )
  return c.json({ url: `/object/upload/sign/${pathOf(place)}?token=${token}`, token })
}

/** As it is: storage-js encodes what it is given. */
const pathOf = ({ bucket, name }: ObjectPlace): string => `${bucket}/${name}`
