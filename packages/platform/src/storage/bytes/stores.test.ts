import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { lstat, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3 } from '@plinth/simulators/s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ByteStore } from './byte-store.ts'
import { createDiskStore } from './disk/create-disk-store.ts'
import { createS3Store } from './s3/create-s3-store.ts'

let folder: string
let s3: Awaited<ReturnType<typeof startS3>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-bytes-'))
  s3 = await startS3()
})
afterAll(async () => {
  await s3.stop()
  await rm(folder, { recursive: true, force: true })
})

async function* chunksOf(bytes: Buffer, length = 700_000) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function* failingAfter(bytes: Buffer) {
  yield* chunksOf(bytes)
  throw new Error('the client is gone')
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const listed = async (store: ByteStore) => {
  const found: { id: string; size: number }[] = []
  for await (const { id, size } of store.list()) found.push({ id, size })
  return found
}

const future = () => new Date(Date.now() + 60_000)

describe.each([
  ['a disk', () => createDiskStore(join(folder, randomUUID()))],
  ['S3', () => createS3Store({ ...s3.options, prefix: `${randomUUID()}/` })],
])('a store on %s', (_name, open) => {
  it.each([0, 1, 100_000, 9_000_000])('gives back %d bytes, whole and in ranges', async (size) => {
    const store = open()
    const bytes = randomBytes(size)
    const staged = await store.stage(chunksOf(bytes))
    expect(staged.size).toBe(size)
    expect(staged.sha256).toEqual(createHash('sha256').update(bytes).digest())
    expect(await store.sizeOf(staged.id)).toBeUndefined()
    await expect(store.read(staged.id)).rejects.toMatchObject({ code: 'bytes_missing' })
    await staged.publish()
    expect(await store.sizeOf(staged.id)).toBe(size)
    expect((await collect(await store.read(staged.id))).equals(bytes)).toBe(true)
    if (size > 10) {
      const range = { start: size - 7, end: size - 3 }
      expect(await collect(await store.read(staged.id, range))).toEqual(bytes.subarray(size - 7, size - 2))
    }
    expect(await listed(store)).toEqual([{ id: staged.id, size }])
    await store.remove(staged.id)
    await store.remove(staged.id)
    expect(await listed(store)).toEqual([])
  })

  it.each([10, 9_000_000])(
    'keeps nothing of %d bytes whose source failed, or that were given up',
    async (size) => {
      const store = open()
      await expect(store.stage(failingAfter(randomBytes(size)))).rejects.toThrow('the client is gone')
      const staged = await store.stage(chunksOf(randomBytes(size)))
      await staged.discard()
      await staged.discard()
      expect(await listed(store)).toEqual([])
      expect(await store.removeAbandoned(future())).toBe(0)
    },
  )

  it('removes what was staged and left, when it is old enough', async () => {
    const store = open()
    await store.stage(chunksOf(randomBytes(9_000_000)))
    expect(await store.removeAbandoned(new Date(0))).toBe(0)
    expect(await store.removeAbandoned(future())).toBe(1)
    expect(await store.removeAbandoned(future())).toBe(0)
  })

  it('collects an upload in pieces, also when they are cut off', async () => {
    const { partials, ...store } = open()
    const bytes = randomBytes(12_000_000)
    const id = randomUUID()
    expect(await partials.offsetOf(id)).toBeUndefined()
    await expect(partials.append(id, chunksOf(bytes))).rejects.toMatchObject({ code: 'no_such_upload' })
    await partials.create(id)
    expect(await partials.offsetOf(id)).toBe(0)
    expect(await partials.append(id, chunksOf(bytes.subarray(0, 5)))).toBe(5)
    await expect(partials.append(id, failingAfter(bytes.subarray(5, 9_500_000)))).rejects.toThrow('gone')
    expect(await partials.offsetOf(id)).toBe(9_500_000)
    expect(await partials.append(id, chunksOf(bytes.subarray(9_500_000)))).toBe(bytes.length)
    expect(await collect(await partials.read(id, 4_100))).toEqual(bytes.subarray(0, 4_100))
    const staged = await partials.finish(id)
    await staged.publish()
    expect((await collect(await store.read(staged.id))).equals(bytes)).toBe(true)
    expect(await partials.offsetOf(id)).toBeUndefined()
    await expect(partials.finish(id)).rejects.toMatchObject({ code: 'no_such_upload' })
  })

  it('forgets an upload in pieces', async () => {
    const { partials } = open()
    const id = randomUUID()
    await partials.create(id)
    await partials.append(id, chunksOf(randomBytes(10)))
    await partials.remove(id)
    await partials.remove(id)
    expect(await partials.offsetOf(id)).toBeUndefined()
  })

  it.each(['../../etc/passwd', 'x', '', 'a/../../b'])('has nothing under the name %j', async (id) => {
    const store = open()
    await expect(store.read(id)).rejects.toMatchObject({ code: 'bytes_missing' })
    await expect(store.partials.append(id, chunksOf(Buffer.from('x')))).rejects.toMatchObject({
      code: 'no_such_upload',
    })
  })
})

describe('S3', () => {
  it('is asked again when it is under load', async () => {
    const store = createS3Store({ ...s3.options, prefix: `${randomUUID()}/` })
    s3.fail(2)
    const staged = await store.stage(chunksOf(Buffer.from('patience')))
    await staged.publish()
    s3.fail(1)
    expect(String(await collect(await store.read(staged.id)))).toBe('patience')
  })

  it('that goes on failing keeps nothing of an upload', async () => {
    const store = createS3Store({ ...s3.options, prefix: `${randomUUID()}/` })
    const staged = await store.stage(chunksOf(randomBytes(9_000_000)))
    s3.fail(3)
    await expect(staged.publish()).rejects.toMatchObject({ name: 'SlowDown' })
    await staged.discard()
    expect(await store.removeAbandoned(future())).toBe(0)
  })
})

describe('the disk', () => {
  it('stores equal bytes once, readable by its account only', async () => {
    const root = join(folder, randomUUID())
    const store = createDiskStore(root)
    const [one, two] = [
      await store.stage(chunksOf(Buffer.from('same'))),
      await store.stage(chunksOf(Buffer.from('same'))),
    ]
    await Promise.all([one.publish(), two.publish()])
    expect(one.id).toBe(two.id)
    expect(await listed(store)).toEqual([{ id: one.id, size: 4 }])
    const path = join(root, 'blobs', one.id.slice(0, 2), one.id)
    expect((await lstat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(root, 'incoming'))).toEqual([])
  })

  it('follows no symbolic link', async () => {
    const root = join(folder, randomUUID())
    const store = createDiskStore(root)
    const staged = await store.stage(chunksOf(Buffer.from('mine')))
    await staged.publish()
    await store.remove(staged.id)
    await symlink('/etc/passwd', join(root, 'blobs', staged.id.slice(0, 2), staged.id))
    await expect(store.read(staged.id)).rejects.toMatchObject({ code: 'bytes_missing' })
    expect(await store.sizeOf(staged.id)).toBeUndefined()
  })
})
