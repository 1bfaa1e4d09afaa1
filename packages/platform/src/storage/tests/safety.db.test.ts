import { randomBytes } from 'node:crypto'
import { actor, waitFor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { storageOffer } from '../index.ts'
import { filesSystem, type ServedStorage, serveStorage } from './serve-storage.ts'

const system = useSystem(filesSystem({ fileSizeLimit: 2_000_000, imagePixels: 1_000_000 }))
const ada = actor('ada')
const ben = actor('ben')
let served: ServedStorage
let service: Record<string, string>

beforeAll(async () => {
  served = await serveStorage(system)
  service = await served.headersOf('service')
})
afterAll(() => served.stop(0))

const at = (path: string) => `${served.url}/storage/v1${path}`
const put = (path: string, body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}) =>
  fetch(at(`/object/${path}`), {
    method: 'POST',
    headers: { ...service, 'x-upsert': 'true', ...headers },
    body,
  })
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(at(path), { headers: { ...service, ...headers } })

const html = '<html><script>alert(document.domain)</script></html>'
const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

describe('active content', () => {
  it.each([
    ['a page', 'text/html', html],
    ['a page called an image', 'image/png', html],
    ['a page called text', 'text/plain', html],
    ['a drawing with a script', 'image/svg+xml', svg],
    ['a script', 'text/javascript', 'alert(1)'],
    ['a page of XML', 'application/xhtml+xml', `<?xml version="1.0"?>${html}`],
    ['a page that nobody named', '', html],
  ])('%s is never run from where it is served', async (_name, type, body) => {
    expect((await put('closed/active', body, { 'content-type': type })).status).toBe(200)
    const answer = await get('/object/closed/active')
    expect(await answer.text()).toBe(body)
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-type')).not.toContain('text/html')
    const isShownAsText = answer.headers.get('content-type')!.startsWith('text/plain')
    if (!isShownAsText) expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
  })

  it('is not let into a bucket of images, whatever it is called', async () => {
    for (const type of ['image/png', 'image/svg+xml', 'text/html', 'text/plain']) {
      const answer = await put('avatars/x.png', html, { 'content-type': type })
      expect(answer.status).toBe(415)
    }
    const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect((await put('avatars/x.png', new Uint8Array(image), { 'content-type': 'image/png' })).status).toBe(
      200,
    )
    expect(
      (await put('avatars/y', new Uint8Array(image), { 'content-type': 'application/octet-stream' })).status,
    ).toBe(200)
    expect((await get('/object/public/avatars/y')).headers.get('content-type')).toBe('image/png')
  })
})

describe('names', () => {
  it.each([
    'a%2f..%2fb',
    '..%2f..%2fetc%2fpasswd',
    'a//b',
    '%2e%2fa',
    'a%00b',
    'a%0d%0ab',
    'a%5cb',
    '%ff',
    'x'.repeat(1_025),
  ])('such as %s are refused', async (name) => {
    const url = at(`/object/closed/`) + name
    const answer = await rawPut(url)
    expect([400, 403]).toContain(answer.status)
    expect(((await answer.json()) as { code: string }).code).toBe('InvalidKey')
  })

  /** fetch would tidy the path. */
  const rawPut = async (url: string) => {
    const { request } = await import('node:http')
    const { hostname, port } = new URL(at('/'))
    return new Promise<Response>((resolve, reject) => {
      const path = url.slice(url.indexOf('/', 8))
      const sent = request({ hostname, port, path, method: 'POST', headers: service }, async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk as Buffer)
        resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode! }))
      })
      sent.on('error', reject)
      sent.end('x')
    })
  }

  it('of any language are kept as they are', async () => {
    const name = 'Rechnung März (1) – 日本.txt'.replace('–', '-')
    expect((await put(`closed/${encodeURIComponent(name)}`, 'ok')).status).toBe(200)
    expect(await (await get(`/object/closed/${encodeURIComponent(name)}`)).text()).toBe('ok')
  })
})

describe('limits', () => {
  it('of the project and the bucket hold with a length, without one, and in a form', async () => {
    const large = new Uint8Array(randomBytes(2_000_001))
    expect((await put('closed/large', large)).status).toBe(413)
    const stream = () => ReadableStream.from([large])
    const chunked = await fetch(at('/object/closed/large'), {
      method: 'POST',
      headers: service,
      body: stream(),
      duplex: 'half',
    } as RequestInit)
    expect(chunked.status).toBe(413)
    const form = new FormData()
    form.append('', new Blob([large]))
    expect((await put('closed/large', form)).status).toBe(413)
    expect((await get('/object/closed/large')).status).toBe(404)
    const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
    const image = await sharp({ create: { width: 400, height: 400, channels: 3, background: 'red', noise } })
      .png()
      .toBuffer()
    expect(image.length).toBeGreaterThan(100_000)
    expect(
      (await put('avatars/large.png', new Uint8Array(image), { 'content-type': 'image/png' })).status,
    ).toBe(413)
    const { storage } = await served.as('service')
    expect((await storage.createBucket('huge', { public: false, fileSizeLimit: '3MB' })).error).toMatchObject(
      { statusCode: '413' },
    )
  })

  it('are asked before the body is taken', async () => {
    const headers = { ...(await served.headersOf(ben)), 'content-length': '1000000' }
    const { request } = await import('node:http')
    const { hostname, port, pathname } = new URL(at(`/object/mine/${ada.userId}/x`))
    const status = await new Promise<number>((resolve) => {
      const sent = request({ hostname, port, path: pathname, method: 'POST', headers }, (answer) =>
        resolve(answer.statusCode!),
      )
      sent.on('error', () => undefined)
      sent.write('only the beginning')
    })
    expect(status).toBe(403)
  })

  it('leave nothing of forms that end too early', async () => {
    const body = '--b\r\nContent-Disposition: form-data; name=""; filename="x"\r\n\r\nhalf of a fi'
    const answer = await put('closed/half', body, { 'content-type': 'multipart/form-data; boundary=b' })
    expect(answer.status).toBe(400)
    expect((await get('/object/closed/half')).status).toBe(404)
    const empty = await put('closed/half', '--b--\r\n', { 'content-type': 'multipart/form-data; boundary=b' })
    expect(empty.status).toBe(400)
  })
})

describe('conditional requests and ranges', () => {
  it('get parts, or nothing when nothing has changed', async () => {
    await put('closed/digits', '0123456789', { 'cache-control': 'max-age=60' })
    const whole = await get('/object/closed/digits')
    const etag = whole.headers.get('etag')!
    expect(whole.headers.get('cache-control')).toBe('private, max-age=60')
    expect((await get('/object/closed/digits', { 'if-none-match': etag })).status).toBe(304)
    expect((await get('/object/closed/digits', { 'if-match': '"other"' })).status).toBe(412)
    const part = await get('/object/closed/digits', { range: 'bytes=2-4' })
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      206,
      '234',
      'bytes 2-4/10',
    ])
    expect(await (await get('/object/closed/digits', { range: 'bytes=-3' })).text()).toBe('789')
    const outside = await get('/object/closed/digits', { range: 'bytes=10-' })
    expect(outside.status).toBe(416)
    expect(
      await (await get('/object/closed/digits', { range: 'bytes=2-4', 'if-range': '"other"' })).text(),
    ).toBe('0123456789')
    const head = await fetch(at('/object/closed/digits'), { method: 'HEAD', headers: service })
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['10', ''])
  })

  it('read encrypted files in ranges', async () => {
    const bytes = randomBytes(200_000)
    await put('sealed/range', new Uint8Array(bytes))
    const answer = await get('/object/sealed/range', { range: 'bytes=65530-131080' })
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(65_530, 131_081))).toBe(true)
  })
})

describe('public addresses', () => {
  beforeAll(async () => {
    const image = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'blue' } })
      .jpeg()
      .toBuffer()
    await put('avatars/pub.jpg', new Uint8Array(image), {
      'content-type': 'image/jpeg',
      'cache-control': 'max-age=3600',
    })
    await put('closed/secret.txt', 'secret')
  })

  it('open public buckets only', async () => {
    const open = await fetch(at('/object/public/avatars/pub.jpg'))
    expect(open.headers.get('cache-control')).toBe('public, max-age=3600')
    expect((await fetch(at('/object/public/closed/secret.txt'))).status).toBe(404)
    expect((await fetch(at('/object/closed/secret.txt'))).status).toBe(401)
    expect((await fetch(at('/object/info/public/avatars/pub.jpg'))).status).toBe(200)
    expect((await fetch(at('/object/sign/closed/secret.txt?token=x'))).status).toBe(400)
  })

  it('give images in other sizes and formats, of images only', async () => {
    const render = (query: string, headers = {}) =>
      fetch(at(`/render/image/public/avatars/pub.jpg?${query}`), { headers })
    const first = await render('width=10&height=10')
    if (first.status !== 200) throw new Error(await first.text())
    const small = await sharp(
      Buffer.from(await (await render('width=10&height=10')).arrayBuffer()),
    ).metadata()
    expect([small.width, small.height, small.format]).toEqual([10, 10, 'jpeg'])
    const contained = await sharp(
      Buffer.from(await (await render('width=10&resize=contain')).arrayBuffer()),
    ).metadata()
    expect([contained.width, contained.height]).toEqual([10, 5])
    const webp = await render('width=10', { accept: 'image/webp,*/*' })
    expect(webp.headers.get('content-type')).toBe('image/webp')
    expect(
      (await render('width=10&format=origin', { accept: 'image/webp' })).headers.get('content-type'),
    ).toBe('image/jpeg')
    expect((await render('width=0')).status).toBe(400)
    const { storage } = await served.as('service')
    const { data } = await storage.from('avatars').createSignedUrl('pub.jpg', 60, { transform: { width: 7 } })
    const signed = await sharp(Buffer.from(await (await fetch(data!.signedUrl)).arrayBuffer())).metadata()
    expect(signed.width).toBe(7)
    expect((await get('/render/image/authenticated/closed/secret.txt')).status).toBe(422)
    const bomb = await sharp({ create: { width: 2_000, height: 2_000, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    await put('closed/bomb.png', new Uint8Array(bomb), { 'content-type': 'image/png' })
    expect((await get('/render/image/authenticated/closed/bomb.png?width=5')).status).toBe(422)
    await put('closed/broken.png', new Uint8Array(bomb.subarray(0, 200)), { 'content-type': 'image/png' })
    expect((await get('/render/image/authenticated/closed/broken.png?width=5')).status).toBe(422)
  })
})

describe('rows', () => {
  it('cannot name the bytes of another object, whatever a policy allows', async () => {
    const { rows } = await system.database.asOwner<{ version: string }>(
      sql`select version from storage.objects where name = 'secret.txt'`,
    )
    const steal = system.database.asCaller(
      ada,
      sql`
      insert into storage.objects (bucket_id, name, owner_id, version)
      values ('mine', ${`${ada.userId}/stolen`}, ${ada.userId}, ${rows[0]!.version})`,
    )
    await expect(steal).rejects.toMatchObject({ code: '42501' })
  })

  it('that SQL removes keep their bytes until the retention ends; lost bytes are noticed', async () => {
    await put('closed/by-sql.txt', 'by sql')
    await system.database.asOwner(sql`delete from storage.objects where name = 'by-sql.txt'`)
    const storage = system.project.offer(storageOffer)
    await storage.sweep({ grace: 0 })
    const { rows } = await system.database.asOwner<{ blob: string }>(
      sql`select blob from plinth.storage_versions where name in ('by-sql.txt', 'secret.txt') order by name`,
    )
    expect(rows).toHaveLength(2)
    await expect(system.database.asOwner(sql`truncate storage.objects`)).rejects.toMatchObject({
      code: '42501',
    })
    const store = (await import('../bytes/disk/create-disk-store.ts')).createDiskStore(await filesFolder())
    await store.remove(rows[1]!.blob)
    const orphan = await store.stage(chunks('nobody knows me'))
    await orphan.publish()
    expect(await storage.reconcile({ grace: 0 })).toMatchObject({
      orphans: [orphan.id],
      missing: ['closed/secret.txt'],
    })
    expect(await storage.reconcile({ grace: 0, deep: true })).toMatchObject({ orphans: [] })
    expect((await get('/object/closed/secret.txt')).status).toBe(500)
    const health = system.project.health.find(({ name }) => name.endsWith('/storage'))
    expect(await health!.check()).toEqual({ status: 'degraded', detail: { missing: 1 } })
  })

  async function* chunks(text: string) {
    yield Buffer.from(text)
  }

  /** Where the project of the test keeps its files. */
  const filesFolder = async () => {
    const { data } = system.project as unknown as { data?: string }
    if (data) return data
    const { readdir } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const { join } = await import('node:path')
    const { rows } = await system.database.asOwner<{ blob: string }>(
      sql`select blob from plinth.storage_versions limit 1`,
    )
    const blob = rows[0]!.blob
    for (const name of await readdir(tmpdir())) {
      if (!name.startsWith('plinth-system-')) continue
      const folder = join(tmpdir(), name, 'files', 'files')
      const found = await readdir(join(folder, 'blobs', blob.slice(0, 2))).catch((): string[] => [])
      if (found.includes(blob)) return folder
    }
    throw new Error('no folder')
  }
})

describe('what is served', () => {
  it('is counted by bucket and user', async () => {
    await put('closed/counted', 'x'.repeat(1_000))
    const before = await servedBytes()
    await (await get('/object/closed/counted')).text()
    await waitFor(async () => (await servedBytes()) - before === 1_000)
  })

  const servedBytes = async () => {
    const usage = await system.project.offer(storageOffer).usage()
    return usage.find(({ bucket }) => bucket === 'closed')!.served
  }
})
