import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { ByteRange } from '../byte-store.ts'

export interface S3Options {
  readonly bucket: string
  /** What all keys begin with, ending with a slash. */
  readonly prefix: string
  readonly region: string
  readonly pathStyle: boolean
  readonly endpoint: string | undefined
  /** Undefined: what the SDK finds in the environment or of the machine. */
  readonly accessKey: string | undefined
  readonly secretKey: string | undefined
}

export interface S3Object {
  /** Without the prefix. */
  readonly key: string
  readonly size: number
  readonly modifiedAt: Date
}

/** A part of a multipart upload that is there. */
export interface S3Part {
  readonly PartNumber: number
  readonly ETag: string | undefined
}

/** What is used of S3: keys below one prefix of one bucket. */
export interface S3Keys {
  put(key: string, body: Buffer): Promise<void>
  /** Undefined when there is nothing. */
  get(key: string, range?: ByteRange): Promise<Readable | undefined>
  sizeOf(key: string): Promise<number | undefined>
  delete(key: string): Promise<void>
  list(prefix: string): AsyncIterable<S3Object>
  beginParts(key: string): Promise<string>
  putPart(key: string, upload: string, number: number, body: Buffer): Promise<S3Part>
  completeParts(key: string, upload: string, parts: readonly S3Part[]): Promise<void>
  abortParts(key: string, upload: string): Promise<void>
  listParts(): AsyncIterable<{ readonly key: string; readonly upload: string; readonly beganAt: Date }>
}

export function createS3Keys(options: S3Options): S3Keys {
  const { bucket: Bucket, prefix } = options
  const client = createClient(options)
  const at = (key: string) => ({ Bucket, Key: prefix + key })
  const own = (key: string | undefined) => (key ?? '').slice(prefix.length)
  return {
    put: async (key, Body) => void (await client.send(new PutObjectCommand({ ...at(key), Body }))),
    get: async (key, range) => {
      const Range = range && `bytes=${range.start}-${range.end}`
      const answer = await unlessMissing(client.send(new GetObjectCommand({ ...at(key), Range })))
      return answer?.Body as Readable | undefined
    },
    sizeOf: async (key) => (await unlessMissing(client.send(new HeadObjectCommand(at(key)))))?.ContentLength,
    delete: async (key) => void (await client.send(new DeleteObjectCommand(at(key)))),
    list: async function* (below) {
      let ContinuationToken: string | undefined
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix: prefix + below, ContinuationToken }),
        )
        for (const { Key, Size = 0, LastModified = new Date(0) } of page.Contents ?? [])
          yield { key: own(Key), size: Size, modifiedAt: LastModified }
        ContinuationToken = page.NextContinuationToken
      } while (ContinuationToken !== undefined)
    },
    beginParts: async (key) => {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(at(key)))
      return UploadId!
    },
    putPart: async (key, UploadId, PartNumber, Body) => {
      const { ETag } = await client.send(new UploadPartCommand({ ...at(key), UploadId, PartNumber, Body }))
      return { PartNumber, ETag }
    },
    completeParts: async (key, UploadId, parts) =>
      void (await client.send(
        new CompleteMultipartUploadCommand({ ...at(key), UploadId, MultipartUpload: { Parts: [...parts] } }),
      )),
    abortParts: async (key, UploadId) =>
      void (await unlessMissing(client.send(new AbortMultipartUploadCommand({ ...at(key), UploadId })))),
    listParts: async function* () {
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
      for (;;) {
        const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...marker }))
        for (const { Key, UploadId = '', Initiated = new Date(0) } of page.Uploads ?? [])
          yield { key: own(Key), upload: UploadId, beganAt: Initiated }
        if (!page.IsTruncated) return
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      }
    },
  }
}

/** Checksums only where S3 asks for them: stores that are not AWS refuse the trailers that the SDK would send by itself. */
function createClient({ region, endpoint, pathStyle, accessKey, secretKey }: S3Options): S3Client {
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
  })
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } }
    if ($metadata?.httpStatusCode === 404) return undefined
    throw error
  }
}
