import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filesSystem, type ServedStorage, serveStorage } from './serve-storage.ts'

const system = useSystem(filesSystem())
const ada = actor('ada')
const ben = actor('ben')
let served: ServedStorage

beforeAll(async () => {
  served = await serveStorage(system)
})
afterAll(() => served.stop(0))

const must = <T>({ data, error }: { data: T | null; error: unknown }): T => {
  if (error || data === null) throw error ?? new Error('no data')
  return data
}

const textOf = async (file: Blob) => file.text()

describe('objects through supabase-js', () => {
  it('are uploaded, downloaded and described', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const path = `${ada.userId}/a/notes.txt`
    const uploaded = must(
      await mine.upload(path, 'hello', { contentType: 'text/plain', metadata: { by: 'ada' } }),
    )
    expect(uploaded).toEqual({ path, id: expect.any(String), fullPath: `mine/${path}` })
    expect(await textOf(must(await mine.download(path)))).toBe('hello')
    expect(must(await mine.info(path))).toMatchObject({
      id: uploaded.id,
      name: path,
      bucketId: 'mine',
      size: 5,
      contentType: 'text/plain',
      cacheControl: 'max-age=3600',
      metadata: { by: 'ada' },
    })
    expect((await mine.exists(path)).data).toBe(true)
    expect((await mine.exists(`${path}x`)).data).toBe(false)
  })

  it.each([
    ['a blob', () => new Blob(['blob content'], { type: 'text/plain' }), 'blob content'],
    ['a buffer', () => Buffer.from('buffer content'), 'buffer content'],
    ['a stream', () => Readable.from(['stream ', 'content']), 'stream content'],
    ['nothing', () => '', ''],
  ])('come as %s', async (name, make, content) => {
    const mine = (await served.as(ada)).storage.from('mine')
    const path = `${ada.userId}/as/${name}`
    must(await mine.upload(path, make() as Blob))
    expect(await textOf(must(await mine.download(path)))).toBe(content)
  })

  it('large ones come back byte by byte', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const bytes = randomBytes(3_000_000)
    must(await mine.upload(`${ada.userId}/large.bin`, bytes, { contentType: 'application/octet-stream' }))
    must(await mine.upload(`${ada.userId}/large-blob.bin`, new Blob([bytes])))
    for (const name of ['large.bin', 'large-blob.bin']) {
      const back = must(await mine.download(`${ada.userId}/${name}`))
      expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true)
    }
    const sealed = (await served.as(ada)).storage.from('sealed')
    must(await sealed.upload(`${ada.userId}/large.bin`, bytes))
    const back = must(await sealed.download(`${ada.userId}/large.bin`))
    expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('are overwritten by an upsert or an update, and not otherwise', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const path = `${ada.userId}/twice.txt`
    must(await mine.upload(path, 'one'))
    const second = await mine.upload(path, 'two')
    expect(second.error).toMatchObject({ statusCode: '409', message: 'The resource already exists' })
    must(await mine.upload(path, 'three', { upsert: true }))
    expect(await textOf(must(await mine.download(path)))).toBe('three')
    must(await mine.update(path, 'four'))
    expect(await textOf(must(await mine.download(path)))).toBe('four')
  })

  it('belong to whom the policies say', async () => {
    const bens = (await served.as(ben)).storage.from('mine')
    const path = `${ada.userId}/private.txt`
    must(await (await served.as(ada)).storage.from('mine').upload(path, 'secret'))
    expect((await bens.download(path)).error).toMatchObject({ statusCode: '404' })
    expect((await bens.upload(`${ada.userId}/x.txt`, 'x')).error).toMatchObject({ statusCode: '403' })
    expect((await bens.upload(path, 'x', { upsert: true })).error).toMatchObject({ statusCode: '403' })
    expect((await bens.remove([path])).data).toEqual([])
    expect((await bens.move(path, `${ben.userId}/x.txt`)).error).toMatchObject({ statusCode: '404' })
    expect((await bens.copy(path, `${ben.userId}/x.txt`)).error).toMatchObject({ statusCode: '404' })
    expect((await bens.createSignedUrl(path, 60)).error).toMatchObject({ statusCode: '404' })
    expect((await (await served.as('anon')).storage.from('mine').upload('x.txt', 'x')).error).toMatchObject({
      statusCode: '403',
    })
  })

  it('are moved, copied and removed', async () => {
    const client = (await served.as(ada)).storage
    const [mine, sealed] = [client.from('mine'), client.from('sealed')]
    const at = (name: string) => `${ada.userId}/moving/${name}`
    must(await mine.upload(at('a.txt'), 'content', { metadata: { kept: true } }))
    must(await mine.move(at('a.txt'), at('b.txt')))
    expect((await mine.exists(at('a.txt'))).data).toBe(false)
    must(await mine.copy(at('b.txt'), at('c.txt')))
    must(await mine.copy(at('b.txt'), at('d.txt'), { destinationBucket: 'sealed' }))
    must(await mine.move(at('c.txt'), at('e.txt'), { destinationBucket: 'sealed' }))
    for (const [bucket, name] of [
      [mine, 'b.txt'],
      [sealed, 'd.txt'],
      [sealed, 'e.txt'],
    ] as const)
      expect(await textOf(must(await bucket.download(at(name))))).toBe('content')
    expect(must(await sealed.info(at('d.txt'))).metadata).toEqual({ kept: true })
    const removed = must(await sealed.remove([at('d.txt'), at('e.txt'), at('none.txt')]))
    expect(removed.map(({ name }) => name).sort()).toEqual([at('d.txt'), at('e.txt')])
    expect((await sealed.exists(at('d.txt'))).data).toBe(false)
  })
})

describe('signed URLs', () => {
  it('open one object for a time, to anybody', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const path = `${ada.userId}/signed file.txt`
    must(await mine.upload(path, 'signed'))
    const { signedUrl } = must(await mine.createSignedUrl(path, 60, { download: 'report 1.txt' }))
    const answer = await fetch(signedUrl)
    expect(await answer.text()).toBe('signed')
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="report 1.txt"; filename*=UTF-8''report%201.txt`,
    )
    const many = must(await mine.createSignedUrls([path, 'none.txt'], 60))
    expect(many.map(({ error }) => error)).toEqual([null, expect.stringContaining('does not exist')])
    expect(await (await fetch(many[0]!.signedUrl!)).text()).toBe('signed')
    const other = signedUrl.replace('signed%20file', 'private')
    expect((await fetch(other)).status).toBe(400)
  })

  it('take one upload', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const path = `${ada.userId}/by-link.txt`
    const { token } = must(await mine.createSignedUploadUrl(path))
    const stranger = (await served.as('anon')).storage.from('mine')
    must(await stranger.uploadToSignedUrl(path, token, 'by link'))
    expect(await textOf(must(await mine.download(path)))).toBe('by link')
    expect((await stranger.uploadToSignedUrl(`${path}2`, token, 'x')).error).toMatchObject({
      statusCode: '400',
    })
    expect((await stranger.uploadToSignedUrl(path, token, 'again')).error).toMatchObject({
      statusCode: '409',
    })
  })
})

describe('lists', () => {
  const names = ['b.txt', 'a.txt', 'deep/one.txt', 'deep/two.txt', 'deep/er/three.txt', 'Zed.txt']
  const at = (name: string) => `${ada.userId}/list/${name}`
  beforeAll(async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    for (const name of names) must(await mine.upload(at(name), name))
  })
  const listed = async (options: object) =>
    must(await (await served.as(ada)).storage.from('mine').list(`${ada.userId}/list`, options)).map(
      ({ name }) => name,
    )

  it('show a folder: files with what is known of them, and folders without an id', async () => {
    const found = must(await (await served.as(ada)).storage.from('mine').list(`${ada.userId}/list`))
    expect(found.map(({ name, id }) => [name, id === null])).toEqual([
      ['Zed.txt', false],
      ['a.txt', false],
      ['b.txt', false],
      ['deep', true],
    ])
    expect(found[0]!.metadata).toMatchObject({ size: 7, mimetype: 'text/plain;charset=UTF-8' })
  })

  it('are sorted, searched and cut', async () => {
    expect(await listed({ sortBy: { column: 'name', order: 'desc' } })).toEqual([
      'deep',
      'b.txt',
      'a.txt',
      'Zed.txt',
    ])
    expect(await listed({ sortBy: { column: 'created_at', order: 'asc' } })).toEqual([
      'deep',
      'b.txt',
      'a.txt',
      'Zed.txt',
    ])
    expect(await listed({ limit: 2, offset: 1 })).toEqual(['a.txt', 'b.txt'])
    expect(await listed({ search: 'z' })).toEqual(['Zed.txt'])
    expect(await listed({ search: '%' })).toEqual([])
    expect(must(await (await served.as(ben)).storage.from('mine').list(`${ada.userId}/list`))).toEqual([])
  })

  it.each([
    [false, 'name', 'asc'],
    [false, 'name', 'desc'],
    [true, 'name', 'asc'],
    [true, 'name', 'desc'],
    [true, 'created_at', 'asc'],
    [false, 'updated_at', 'desc'],
  ] as const)('come in pages (delimiter %s, by %s %s)', async (with_delimiter, column, order) => {
    const mine = (await served.as(ada)).storage.from('mine')
    const prefix = `${ada.userId}/list/`
    const all: string[] = []
    let cursor: string | undefined
    for (;;) {
      const options = {
        prefix,
        limit: 2,
        with_delimiter,
        sortBy: { column, order },
        ...(cursor ? { cursor } : {}),
      }
      const page = must(await mine.listV2(options))
      all.push(...[...page.folders, ...page.objects].map(({ name }) => name.slice(prefix.length)))
      if (!page.hasNext) break
      cursor = page.nextCursor
    }
    const wanted = with_delimiter ? ['Zed.txt', 'a.txt', 'b.txt', 'deep/'] : names
    expect(all.sort()).toEqual([...wanted].sort())
  })
})

describe('buckets', () => {
  it('are made, listed, changed, emptied and deleted', async () => {
    const { storage } = await served.as('service')
    must(
      await storage.createBucket('photos', {
        public: true,
        fileSizeLimit: '1MB',
        allowedMimeTypes: ['image/*'],
      }),
    )
    expect(must(await storage.getBucket('photos'))).toMatchObject({
      id: 'photos',
      public: true,
      file_size_limit: 1_000_000,
      allowed_mime_types: ['image/*'],
    })
    expect((await storage.createBucket('photos')).error).toMatchObject({ statusCode: '409' })
    must(await storage.updateBucket('photos', { public: false, allowedMimeTypes: null }))
    expect(must(await storage.getBucket('photos'))).toMatchObject({ public: false, allowed_mime_types: null })
    must(await storage.from('photos').upload('a.txt', 'a'))
    expect((await storage.deleteBucket('photos')).error).toMatchObject({ statusCode: '409' })
    must(await storage.emptyBucket('photos'))
    must(await storage.deleteBucket('photos'))
    expect((await storage.getBucket('photos')).error).toMatchObject({ statusCode: '404' })
    const listed = must(await storage.listBuckets({ search: 'ate', sortColumn: 'name', limit: 5 }))
    expect(listed.map(({ id }) => id)).toEqual([])
    expect(must(await storage.listBuckets()).map(({ id }) => id)).toEqual([
      'avatars',
      'closed',
      'mine',
      'sealed',
    ])
  })

  it('are not made by whom no policy lets', async () => {
    const { storage } = await served.as(ada)
    expect((await storage.createBucket('hers')).error).toMatchObject({ statusCode: '403' })
    expect(must(await storage.listBuckets())).toEqual([])
  })
})
