import { storageErrors } from '../../errors.ts'
import { createS3Keys, type S3Options } from '../s3/s3-client.ts'
import { isStoreName, type NamedStore } from './named-store.ts'

/** Named bytes at S3, below a prefix of a bucket. Each is gathered in memory before it is sent: 50 MB at most are meant. */
export function createNamedBucket(options: S3Options): NamedStore {
  const keys = createS3Keys(options)
  const requireName = (name: string) => {
    if (!isStoreName(name)) throw storageErrors.bytes_missing({ id: name })
    return name
  }
  return {
    put: async (name, source) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of source) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      await keys.put(requireName(name), body)
      return body.length
    },
    get: (name) => keys.get(requireName(name)),
    list: async function* (prefix) {
      for await (const { key, ...found } of keys.list(prefix)) yield { name: key, ...found }
    },
    remove: (name) => keys.delete(requireName(name)),
  }
}
