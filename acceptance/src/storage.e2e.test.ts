import { randomBytes } from 'node:crypto'
import { startS3 } from '@plinth/simulators/s3'
import type { SupabaseClient } from '@supabase/supabase-js'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must } from './clients.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

const settingsOf = ({ options }: Awaited<ReturnType<typeof startS3>>) => ({
  PLINTH_SHOPS_STORAGE_BACKEND: 's3',
  PLINTH_SHOPS_STORAGE_S3_BUCKET: options.bucket,
  PLINTH_SHOPS_STORAGE_S3_ENDPOINT: options.endpoint,
  PLINTH_SHOPS_STORAGE_S3_ACCESS_KEY: options.accessKey,
  PLINTH_SHOPS_STORAGE_S3_SECRET_KEY: options.secretKey,
})

/** A red square of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
)

describe.each(['disk', 's3'] as const)('every method of the storage client, bytes on %s', (backend) => {
  let plinth: Plinth
  let folder: Awaited<ReturnType<typeof createDataDir>>
  let s3: Awaited<ReturnType<typeof startS3>>
  let shops: SystemStatus
  let client: SupabaseClient

  beforeAll(async () => {
    folder = await createDataDir()
    s3 = await startS3()
    const environment = backend === 's3' ? settingsOf(s3) : {}
    plinth = await startPlinth({ dataDir: folder.dataDir, arguments: ['shops'], environment })
    shops = plinth.systems.shops!
    client = connectAsService(shops)
  })
  afterAll(async () => {
    await plinth?.stop()
    await s3.stop()
    await folder.remove()
  })

  const files = (bucket = 'files') => client.storage.from(bucket)
  const textOf = async (path: string) => must(await files().download(path)).text()

  it('buckets: create, list, get, update, empty, delete', async () => {
    const { storage } = client
    expect(must(await storage.createBucket('files', { public: false }))).toEqual({ name: 'files' })
    must(
      await storage.createBucket('open', {
        public: true,
        allowedMimeTypes: ['image/*'],
        fileSizeLimit: '1MB',
      }),
    )
    must(await storage.createBucket('gone'))
    must(await storage.updateBucket('gone', { public: true }))
    expect(must(await storage.getBucket('gone')).public).toBe(true)
    must(await storage.from('gone').upload('a', 'a'))
    must(await storage.emptyBucket('gone'))
    must(await storage.deleteBucket('gone'))
    expect(must(await storage.listBuckets()).map(({ id }) => id)).toEqual(['files', 'open', 'payment-proofs'])
    must(await storage.purgeBucketCache('open'))
    for (const refused of [
      await storage.getBucketLifecycle('open'),
      await storage.updateBucketLifecycle('open', { rules: [] }),
      await storage.deleteBucketLifecycle('open'),
    ])
      expect(refused.error).toMatchObject({ statusCode: '400' })
  })

  it('objects: upload, update, download, info, exists, list, listV2, move, copy, remove, purgeCache', async () => {
    const bytes = randomBytes(2_000_000)
    must(await files().upload('a/large.bin', bytes, { metadata: { take: 1 } }))
    expect(Buffer.from(await must(await files().download('a/large.bin')).arrayBuffer()).equals(bytes)).toBe(
      true,
    )
    const streamed = must(await files().download('a/large.bin').asStream())
    let count = 0
    for await (const chunk of streamed) count += chunk.byteLength
    expect(count).toBe(bytes.length)
    must(await files().upload('a/note.txt', new Blob(['one'], { type: 'text/plain' })))
    must(await files().update('a/note.txt', 'two', { contentType: 'text/plain' }))
    expect(await textOf('a/note.txt')).toBe('two')
    expect(must(await files().info('a/large.bin'))).toMatchObject({ size: 2_000_000, metadata: { take: 1 } })
    expect((await files().exists('a/none')).data).toBe(false)
    expect(must(await files().list('a')).map(({ name }) => name)).toEqual(['large.bin', 'note.txt'])
    const page = must(await files().listV2({ with_delimiter: true }))
    expect([page.folders.map(({ name }) => name), page.hasNext]).toEqual([['a/'], false])
    must(await files().move('a/note.txt', 'b/moved.txt'))
    must(await files().copy('b/moved.txt', 'b/copied.txt'))
    expect(await textOf('b/copied.txt')).toBe('two')
    must(await files().purgeCache('b/copied.txt'))
    expect(must(await files().remove(['b/moved.txt', 'b/copied.txt'])).length).toBe(2)
  })

  it('addresses: signed for one and for many, for an upload, public, and of images', async () => {
    must(await files().upload('signed.txt', 'signed'))
    const { signedUrl } = must(await files().createSignedUrl('signed.txt', 60))
    expect(await (await fetch(signedUrl)).text()).toBe('signed')
    const many = must(await files().createSignedUrls(['signed.txt'], 60, { download: true }))
    expect((await fetch(many[0]!.signedUrl!)).headers.get('content-disposition')).toBe('attachment')
    const { token } = must(await files().createSignedUploadUrl('by-link.txt'))
    must(await connect(shops).storage.from('files').uploadToSignedUrl('by-link.txt', token, 'by link'))
    expect(await textOf('by-link.txt')).toBe('by link')
    must(await files('open').upload('dot.png', png, { contentType: 'image/png' }))
    const { publicUrl } = files('open').getPublicUrl('dot.png').data
    expect((await fetch(publicUrl)).headers.get('content-type')).toBe('image/png')
    const { data } = files('open').getPublicUrl('dot.png', { transform: { width: 1, quality: 50 } })
    expect((await fetch(data.publicUrl)).status).toBe(200)
    const small = must(await files('open').download('dot.png', { transform: { width: 1 } }))
    expect(small.type).toBe('image/png')
  })

  it('resumable uploads through tus-js-client', async () => {
    const bytes = randomBytes(13_000_000)
    await new Promise<void>((resolve, reject) => {
      new Upload(bytes, {
        endpoint: `${shops.api_url}/storage/v1/upload/resumable`,
        headers: {
          apikey: shops.service_role_key,
          authorization: `Bearer ${shops.service_role_key}`,
          'x-upsert': 'true',
        },
        // What Supabase tells its users to set, for Uppy too.
        uploadDataDuringCreation: true,
        removeFingerprintOnSuccess: true,
        chunkSize: 6 * 1_024 * 1_024,
        metadata: {
          bucketName: 'files',
          objectName: 'tus.bin',
          contentType: 'application/octet-stream',
          cacheControl: '3600',
        },
        onError: reject,
        onSuccess: () => resolve(),
      }).start()
    })
    const back = Buffer.from(await must(await files().download('tus.bin')).arrayBuffer())
    expect(back.equals(bytes)).toBe(true)
  })

  it('vectors and analytics are refused in words', async () => {
    expect((await client.storage.vectors.listBuckets()).error).toMatchObject({ status: 400 })
    expect((await client.storage.analytics.listBuckets()).error).toMatchObject({ statusCode: '400' })
  })
})
