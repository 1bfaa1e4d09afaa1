import { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Caller, ScopedDatabase } from '../../database/index.ts'
import type { JsonObject } from '../../kernel/index.ts'
import { describeTransformation, transformation } from '../images/transformation.ts'
import { findContent, findGrantedObject, findReadableObject } from '../objects/find-object.ts'
import { copyObject, moveObject } from '../objects/move-object.ts'
import { removeObjects } from '../objects/remove-objects.ts'
import { admitUpload, ownerOf, uploadObject } from '../objects/upload-object.ts'
import { readCacheControl } from '../serve/cache-control.ts'
import { uploadTokenSeconds } from '../settings.ts'
import type { StorageContext } from '../storage-context.ts'

/** The project's files as one caller may use them: `ctx.files`. */
export interface CallerFiles {
  bucket(id: string): BucketFiles
  /** The same as another: `ctx.files.as(ctx.asService('why'))`. */
  as(database: Pick<ScopedDatabase, 'caller'>): CallerFiles
}

export type FileSource = Uint8Array | string | AsyncIterable<Uint8Array>

export interface NewFile {
  /** Default `application/octet-stream`; the content decides. */
  readonly contentType?: string
  /** Seconds that caches keep it, or a header's value. Default: none. */
  readonly cacheControl?: string
  /** Default false. */
  readonly upsert?: boolean
  readonly metadata?: JsonObject
}

/** What is known of a file. */
export interface FileFacts {
  readonly id: string
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly contentType: string
  readonly eTag: string
  readonly metadata: JsonObject
}

/** One bucket's files. Every method fails with the codes of `storageErrors`. */
export interface BucketFiles {
  upload(path: string, content: FileSource, file?: NewFile): Promise<FileFacts>
  /** The bytes as they are read; read it to its end, or destroy it. */
  open(path: string): Promise<Readable>
  read(path: string): Promise<Buffer>
  info(path: string): Promise<FileFacts>
  /** Gives how many were there. */
  remove(paths: readonly string[]): Promise<number>
  move(from: string, to: string, bucket?: string): Promise<void>
  copy(from: string, to: string, bucket?: string): Promise<void>
  /** An address that opens the file to whoever has it, for so many seconds; a picture as it is wanted: a thumbnail. */
  signUrl(path: string, seconds: number, picture?: z.input<typeof transformation>): Promise<string>
  /** An address and a token that take one upload within two hours, and no other. */
  signUpload(
    path: string,
    options?: { readonly upsert?: boolean },
  ): Promise<{ readonly url: string; readonly token: string }>
  /** Opens the file to everybody when the bucket is public. */
  publicUrl(path: string): string
}

export function createCallerFiles(storage: StorageContext, caller: Caller): CallerFiles {
  return {
    bucket: (id) => openBucket(storage, caller, id),
    as: (database) => createCallerFiles(storage, database.caller),
  }
}

function openBucket(storage: StorageContext, caller: Caller, bucket: string): BucketFiles {
  const ownerId = ownerOf(caller)
  const at = (name: string) => ({ bucket, name })
  const addressOf = (path: string) => encodeURI(`${storage.url}/storage/v1/${path}`)
  const find = (path: string) => findReadableObject(storage, caller, at(path))
  const open = async (path: string) => storage.vault.read(await findContent(storage, await find(path)))
  const info = async (path: string) => factsOf(await find(path))
  return {
    upload: async (
      path,
      content,
      { contentType = '', cacheControl, upsert = false, metadata = null } = {} as NewFile,
    ) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content
      const length = bytes instanceof Uint8Array ? bytes.byteLength : undefined
      const source = bytes instanceof Uint8Array ? Readable.from([bytes]) : bytes
      const admitted = await admitUpload(storage, { ...at(path), caller, upsert, ownerId }, length)
      const facts = { contentType, cacheControl: readCacheControl(cacheControl), userMetadata: metadata }
      await uploadObject(storage, admitted, facts, source, length)
      return factsOf(await findGrantedObject(storage, at(path)))
    },
    open,
    read: async (path) => {
      const chunks: Buffer[] = []
      for await (const chunk of await open(path)) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    info,
    remove: async (paths) => (await removeObjects(storage, caller, bucket, paths)).count,
    move: async (from, to, other = bucket) =>
      void (await moveObject(storage, caller, at(from), { bucket: other, name: to })),
    copy: async (from, to, other = bucket) =>
      void (await copyObject(storage, caller, at(from), { bucket: other, name: to }, { upsert: false })),
    signUrl: async (path, seconds, picture) => {
      await find(path)
      const transformations = picture && describeTransformation(transformation.parse(picture))
      const grant = { url: `${bucket}/${path}`, ...(transformations ? { transformations } : {}) }
      const token = await storage.tokens.signRead(grant, seconds)
      const kind = transformations ? 'render/image' : 'object'
      return `${addressOf(`${kind}/sign/${bucket}/${path}`)}?token=${token}`
    },
    signUpload: async (path, { upsert = false } = {}) => {
      await admitUpload(storage, { ...at(path), caller, upsert, ownerId })
      const grant = { url: `${bucket}/${path}`, upsert, owner: ownerId }
      const token = await storage.tokens.signUpload(grant, uploadTokenSeconds)
      return { url: `${addressOf(`object/upload/sign/${bucket}/${path}`)}?token=${token}`, token }
    },
    publicUrl: (path) => addressOf(`object/public/${bucket}/${path}`),
  }
}

function factsOf({
  id,
  name,
  metadata,
  user_metadata,
}: Awaited<ReturnType<typeof findGrantedObject>>): FileFacts {
  return {
    id,
    path: name,
    size: metadata?.size ?? 0,
    contentType: metadata?.mimetype ?? 'application/octet-stream',
    eTag: metadata?.eTag ?? '',
    metadata: user_metadata ?? {},
  }
}
