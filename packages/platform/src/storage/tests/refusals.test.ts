import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import type { CapabilityProject } from '../../system/index.ts'
import type { createVault } from '../bytes/vault.ts'
import { createImageCache } from '../images/image-cache.ts'
import { createImageRenderer } from '../images/image-renderer.ts'
import { openStorage } from '../open-storage.ts'
import { readChunks } from '../serve/read-body.ts'
import { type StorageSettings, storageSettings } from '../settings.ts'

it('a body whose client is gone is not taken for a whole one', async () => {
  const stream = new PassThrough()
  stream.write('half')
  const read = async () => {
    for await (const _ of readChunks(stream))
      stream.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
  }
  await expect(read()).rejects.toMatchObject({ code: 'upload_interrupted' })
})

it('a body that is refused in the middle keeps its connection for the answer', async () => {
  const stream = Readable.from([Buffer.from('a'), Buffer.from('b')])
  for await (const _ of readChunks(stream)) break
  expect(stream.destroyed).toBe(false)
})

it('more images than can wait are refused', async () => {
  const never = { read: () => new Promise<never>(() => undefined) } as unknown as ReturnType<
    typeof createVault
  >
  const cache = createImageCache('/nowhere', 0)
  const renderer = createImageRenderer({ vault: never, cache, pixels: 100 })
  const ask = (at: number) =>
    renderer.render({ id: String(at), size: 1, isSealed: false }, 'image/png', {}, undefined)
  const asked = Array.from({ length: 103 }, (_, at) => ask(at))
  await expect(Promise.race(asked)).rejects.toMatchObject({ code: 'images_busy' })
})

it('S3 without a bucket is refused when the project opens', () => {
  const settings: StorageSettings = storageSettings.parse({ backend: 's3' })
  const project = { settings, folder: () => '', system: { name: 'x' }, deriveKey: () => Buffer.alloc(32) }
  const open = () => openStorage(project as unknown as CapabilityProject<StorageSettings>)
  expect(open).toThrow(expect.objectContaining({ code: 'storage_settings_incomplete' }))
})
