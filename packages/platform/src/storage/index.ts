import type { NamedStore } from './bytes/named/named-store.ts'
import type { S3Options } from './bytes/s3/s3-client.ts'

export type { ByteStore } from './bytes/byte-store.ts'
export { createNamedFolder } from './bytes/named/create-named-folder.ts'
export type { NamedBytes, NamedStore } from './bytes/named/named-store.ts'
export { openFrames, sealFrames } from './bytes/seal-frames.ts'
export * from './capability.ts'
export { storageErrors } from './errors.ts'
export type { BucketFiles, CallerFiles, FileFacts, FileSource, NewFile } from './files/caller-files.ts'

/** Named bytes at S3. The SDK is loaded when this is first called. */
export const openNamedBucket = async (options: S3Options): Promise<NamedStore> =>
  (await import('./bytes/named/create-named-bucket.ts')).createNamedBucket(options)
