import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { actor } from '@plinth/testing'
import { createRandom } from '@plinth/testing/random'
import { useSystem } from '@plinth/testing/system'
import { Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { filesSystem, type ServedStorage, serveStorage } from './serve-storage.ts'

const system = useSystem(filesSystem())
const ada = actor('ada')
const ben = actor('ben')
let served: ServedStorage
let adas: Record<string, string>

beforeAll(async () => {
  served = await serveStorage(system)
  adas = await served.headersOf(ada)
})
afterAll(() => served.stop(0))

const endpoint = () => `${served.url}/storage/v1/upload/resumable`
const tus = { 'tus-resumable': '1.0.0' }
const encode = (metadata: Record<string, string>) =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')

const upload = (bytes: Buffer, options: Partial<UploadOptions>) =>
  new Promise<Upload>((resolve, reject) => {
    const started = new Upload(bytes, {
      endpoint: endpoint(),
      headers: adas,
      chunkSize: 300_000,
      retryDelays: [0, 10, 50],
      onError: reject,
      onSuccess: () => resolve(started),
      ...options,
    })
    started.start()
  })

const metadataFor = (name: string, more: Record<string, string> = {}) => ({
  bucketName: 'mine',
  objectName: `${ada.userId}/tus/${name}`,
  contentType: 'application/octet-stream',
  cacheControl: '3600',
  ...more,
})

const download = async (name: string, bucket = 'mine') => {
  const answer = await fetch(`${served.url}/storage/v1/object/${bucket}/${ada.userId}/tus/${name}`, {
    headers: adas,
  })
  return Buffer.from(await answer.arrayBuffer())
}

const begin = (name: string, headers: Record<string, string>, more: Record<string, string> = {}) =>
  fetch(endpoint(), {
    method: 'POST',
    headers: { ...adas, ...tus, 'upload-metadata': encode(metadataFor(name)), ...headers, ...more },
  })

const urlOf = (answer: Response) => new URL(answer.headers.get('location')!, served.url).href
const offsetOf = async (url: string) => {
  const answer = await fetch(url, { method: 'HEAD', headers: { ...adas, ...tus } })
  return answer.status === 200 ? Number(answer.headers.get('upload-offset')) : answer.status
}
const patch = (
  url: string,
  offset: number,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) =>
  fetch(url, {
    method: 'PATCH',
    headers: {
      ...adas,
      ...tus,
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
      ...headers,
    },
    body,
  })

describe('tus-js-client', () => {
  it.each(['mine', 'sealed'])('uploads to %s in pieces', async (bucketName) => {
    const bytes = randomBytes(1_000_000)
    await upload(bytes, {
      metadata: metadataFor(`whole-${bucketName}`, { bucketName, metadata: '{"take":3}' }),
    })
    expect((await download(`whole-${bucketName}`, bucketName)).equals(bytes)).toBe(true)
    const { data } = await (await served.as(ada)).storage
      .from(bucketName)
      .info(`${ada.userId}/tus/whole-${bucketName}`)
    expect(data).toMatchObject({ size: 1_000_000, metadata: { take: 3 }, cacheControl: 'max-age=3600' })
  })

  it('uploads what it does not know the length of, and nothing', async () => {
    const bytes = randomBytes(500_000)
    const url = urlOf(await begin('deferred', { 'upload-defer-length': '1' }))
    expect((await patch(url, 0, bytes.subarray(0, 200_000))).status).toBe(204)
    const last = await patch(url, 200_000, bytes.subarray(200_000), { 'upload-length': '500000' })
    expect(last.status).toBe(204)
    expect((await download('deferred')).equals(bytes)).toBe(true)
    await upload(Buffer.alloc(0), { metadata: metadataFor('empty') })
    expect(await download('empty')).toHaveLength(0)
  })

  it('uploads with a signature instead of a key', async () => {
    const path = `${ada.userId}/tus/signed`
    const { data } = await (await served.as(ada)).storage.from('mine').createSignedUploadUrl(path)
    await upload(randomBytes(400_000), {
      endpoint: `${endpoint()}/sign`,
      headers: { 'x-signature': data!.token },
      metadata: metadataFor('signed'),
    })
    expect(await download('signed')).toHaveLength(400_000)
  })

  it('replaces an object only when asked to', async () => {
    await upload(randomBytes(10), { metadata: metadataFor('twice') })
    await expect(upload(randomBytes(20), { metadata: metadataFor('twice') })).rejects.toThrow('409')
    await upload(randomBytes(20), {
      metadata: metadataFor('twice'),
      headers: { ...adas, 'x-upsert': 'true' },
    })
    expect(await download('twice')).toHaveLength(20)
  })
})

describe('an upload that is cut off', () => {
  /** Sends a PATCH and cuts the connection after so many bytes of its body. */
  const cutAfter = (url: string, offset: number, body: Buffer, cut: number) =>
    new Promise<void>((resolve) => {
      const { hostname, port, pathname } = new URL(url)
      const socket = connect(Number(port), hostname, () => {
        const head = {
          ...adas,
          ...tus,
          host: 'x',
          'upload-offset': String(offset),
          'content-length': String(body.length),
        }
        const lines = Object.entries({ ...head, 'content-type': 'application/offset+octet-stream' })
        socket.write(
          `PATCH ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
        )
        socket.write(body.subarray(0, cut), () => socket.destroy())
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })

  it('goes on from any offset and is the same bytes in the end', { timeout: 60_000 }, async () => {
    const rounds = process.env.PLINTH_TEST_LONG ? 100 : 6
    const random = createRandom(44)
    for (let round = 0; round < rounds; round++) {
      const bytes = randomBytes(50_000 + random(400_000))
      const name = `cut-${round}`
      const url = urlOf(await begin(name, { 'upload-length': String(bytes.length) }))
      for (let cuts = 0; cuts < 3; cuts++) {
        const offset = await offsetOf(url)
        const rest = bytes.subarray(offset)
        if (rest.length < 2) break
        await cutAfter(url, offset, rest, random(rest.length))
      }
      // The request that was cut off may hold the upload a moment longer: the client waits for it, as tus-js-client does.
      let offset = await offsetOf(url)
      for (let answer = await patch(url, offset, bytes.subarray(offset)); answer.status !== 204; ) {
        expect([409, 423]).toContain(answer.status)
        offset = await offsetOf(url)
        answer = await patch(url, offset, bytes.subarray(offset))
      }
      expect((await download(name)).equals(bytes)).toBe(true)
    }
  })

  it('is finished by whoever asks for its offset, when the server died before it wrote the row', async () => {
    const bytes = randomBytes(1_000)
    const url = urlOf(await begin('unfinished', { 'upload-length': '1000' }))
    const id = url.split('/').at(-1)!
    await patch(url, 0, bytes.subarray(0, 999))
    // As if the process had been killed after the last byte and before anything else.
    await system.database.asOwner(sql`update plinth.storage_uploads set length = 999 where id = ${id}`)
    expect(await offsetOf(url)).toBe(999)
    expect((await download('unfinished')).equals(bytes.subarray(0, 999))).toBe(true)
    await system.database.asOwner(sql`update plinth.storage_uploads set finished_at = null where id = ${id}`)
    expect(await offsetOf(url)).toBe(999)
  })
})

describe('uploads', () => {
  it('are refused before a byte is taken', async () => {
    const elsewhere = await begin('x', {
      'upload-length': '5',
      'upload-metadata': encode({ bucketName: 'mine', objectName: `${ben.userId}/x` }),
    })
    expect(elsewhere.status).toBe(403)
    expect((await begin('x', { 'upload-length': String(60 * 1_024 * 1_024) })).status).toBe(413)
    expect((await begin('x', { 'upload-length': '5', 'upload-metadata': '' })).status).toBe(400)
    expect((await begin('../x', { 'upload-length': '5' })).status).toBe(400)
  })

  it('take no more than was announced', async () => {
    const url = urlOf(await begin('more', { 'upload-length': '10' }))
    expect((await patch(url, 0, randomBytes(11))).status).toBe(413)
    expect((await patch(url, 5, randomBytes(5))).status).toBe(409)
  })

  it('are nobody else’s', async () => {
    const url = urlOf(await begin('hers', { 'upload-length': '10' }))
    const others = { ...(await served.headersOf(ben)), ...tus }
    expect((await fetch(url, { method: 'HEAD', headers: others })).status).toBe(404)
    expect((await fetch(url, { method: 'DELETE', headers: others })).status).toBe(404)
    expect((await patch(url, 0, randomBytes(10), others)).status).toBe(404)
    expect((await fetch(url, { method: 'DELETE', headers: { ...adas, ...tus } })).status).toBe(204)
    expect(await offsetOf(url)).toBe(404)
  })

  it('are what their bucket takes, by their content', async () => {
    const bytes = Buffer.from('<script>alert(1)</script>')
    const name = { bucketName: 'avatars', objectName: `${ada.userId}/x.png`, contentType: 'image/png' }
    const url = urlOf(
      await begin('x', { 'upload-length': String(bytes.length), 'upload-metadata': encode(name) }),
    )
    expect((await patch(url, 0, bytes)).status).toBe(415)
  })

  it('say when they expire, and are gone then', async () => {
    const answer = await begin('late', { 'upload-length': '10' })
    expect(answer.headers.get('upload-expires')).toBe('Fri, 16 Jan 2026 12:00:00 GMT')
    const url = urlOf(answer)
    await patch(url, 0, randomBytes(5))
    system.clock.set('2026-01-16T12:00:01Z')
    adas = await served.headersOf(ada)
    expect(await offsetOf(url)).toBe(404)
    await system.jobs.run('sweep-files')
    const { rowCount } = await system.database.asOwner(
      sql`select from plinth.storage_uploads where id = ${url.split('/').at(-1)}`,
    )
    expect(rowCount).toBe(0)
  })

  it('say what the server can, without a key', async () => {
    const answer = await fetch(endpoint(), { method: 'OPTIONS' })
    expect(answer.headers.get('tus-version')).toBe('1.0.0')
    expect(answer.headers.get('tus-extension')).toContain('creation-defer-length')
  })
})
