import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3 } from '@plinth/simulators/s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNamedBucket } from './create-named-bucket.ts'
import { createNamedFolder } from './create-named-folder.ts'
import type { NamedStore } from './named-store.ts'

let folder: string
let s3: Awaited<ReturnType<typeof startS3>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-named-'))
  s3 = await startS3()
})
afterAll(async () => {
  await s3.stop()
  await rm(folder, { recursive: true, force: true })
})

async function* of(...chunks: Buffer[]) {
  yield* chunks
}
async function* failingAfter(chunk: Buffer) {
  yield chunk
  throw new Error('the source is gone')
}
const read = async (store: NamedStore, name: string) => {
  const stream = await store.get(name)
  if (!stream) return undefined
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
const names = async (store: NamedStore, prefix: string) => {
  const found: string[] = []
  for await (const { name } of store.list(prefix)) found.push(name)
  return found.sort()
}

describe.each([
  ['a folder', () => createNamedFolder(join(folder, randomUUID()))],
  ['S3', () => createNamedBucket({ ...s3.options, prefix: `${randomUUID()}/` })],
])('named bytes in %s', (_where, open) => {
  it('come back whole, are replaced, listed below a prefix and removed', async () => {
    const store = open()
    const bytes = randomBytes(300_000)
    expect(await names(store, '')).toEqual([])
    expect(await store.put('a/b/one.part', of(bytes.subarray(0, 7), bytes.subarray(7)))).toBe(300_000)
    await store.put('a/two.json', of(Buffer.from('first')))
    await store.put('a/two.json', of(Buffer.from('second')))
    await store.put('c/three', of())
    expect((await read(store, 'a/b/one.part'))?.equals(bytes)).toBe(true)
    expect((await read(store, 'a/two.json'))?.toString()).toBe('second')
    expect(await names(store, 'a/')).toEqual(['a/b/one.part', 'a/two.json'])
    expect(await names(store, 'a/b/on')).toEqual(['a/b/one.part'])
    await store.remove('a/b/one.part')
    await store.remove('a/b/one.part')
    expect(await read(store, 'a/b/one.part')).toBeUndefined()
    expect(await names(store, '')).toEqual(['a/two.json', 'c/three'])
  })

  it('are not there when their source fails, and what had the name stays', async () => {
    const store = open()
    await store.put('x', of(Buffer.from('before')))
    await expect(store.put('x', failingAfter(Buffer.from('half')))).rejects.toThrow('the source is gone')
    expect((await read(store, 'x'))?.toString()).toBe('before')
    expect(await names(store, '')).toEqual(['x'])
  })

  it.each(['../x', '/x', 'a/../x', '', '.x', 'a//b', 'a/', 'a\0b'])('refuse the name %j', async (name) => {
    await expect(open().put(name, of(Buffer.from('x')))).rejects.toMatchObject({ code: 'bytes_missing' })
  })
})

it('a folder does not follow symbolic links', async () => {
  const root = join(folder, randomUUID())
  const store = createNamedFolder(root)
  await store.put('there', of(Buffer.from('x')))
  await symlink('/etc/passwd', join(root, 'link'))
  expect(await read(store, 'link')).toBeUndefined()
  expect(await names(store, '')).toEqual(['there'])
})
