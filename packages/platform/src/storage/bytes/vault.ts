import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ByteRange, ByteStore, PartialStore, StagedBytes } from './byte-store.ts'
import { openFrames, sealFrames } from './seal-frames.ts'

/** Bytes as objects have them, whether or not they are encrypted at rest. */
export interface Vault {
  readonly store: ByteStore
  stage(source: AsyncIterable<Uint8Array>, isSealed: boolean): Promise<StagedContent>
  /** An upload in pieces that has all of them. */
  stagePartial(id: string, isSealed: boolean): Promise<StagedContent>
  /** Fails with `bytes_missing` or, while it is read, `bytes_damaged`. */
  read(content: StoredContent, range?: ByteRange): Promise<Readable>
}

/** What of an object's bytes is recorded beside them. */
export interface StoredContent {
  /** Their name in the store. */
  readonly id: string
  /** Bytes of the content; those at rest may be more. */
  readonly size: number
  readonly isSealed: boolean
}

export interface StagedContent extends StoredContent, Pick<StagedBytes, 'publish' | 'discard'> {
  /** SHA-256 of the content. */
  readonly sha256: Buffer
}

/** `key`: seals the keys of encrypted files. */
export function createVault(store: ByteStore, key: Buffer): Vault {
  return {
    store,
    stage: async (source, isSealed) =>
      isSealed ? stageSealed(source) : { ...(await store.stage(source)), isSealed },
    stagePartial: async (id, isSealed) => {
      if (!isSealed) return { ...(await store.partials.finish(id)), isSealed }
      const staged = await stageSealed(readPartial(store.partials, id))
      return {
        ...staged,
        publish: async () => {
          await staged.publish()
          await store.partials.remove(id)
        },
      }
    },
    read: async ({ id, size, isSealed }, range) => {
      if (!isSealed) return store.read(id, range)
      if (size > 0) await requireThere(id)
      return Readable.from(
        openFrames(key, (part) => store.read(id, part), size, range),
        { objectMode: false },
      )
    },
  }

  async function stageSealed(source: AsyncIterable<Uint8Array>): Promise<StagedContent> {
    const hash = createHash('sha256')
    let size = 0
    async function* counted() {
      for await (const chunk of source) {
        hash.update(chunk)
        size += chunk.byteLength
        yield chunk
      }
    }
    const staged = await store.stage(sealFrames(key, counted()))
    return { ...staged, size, sha256: hash.digest(), isSealed: true }
  }

  /** What is missing is said before the answer has begun. */
  async function requireThere(id: string): Promise<void> {
    ;(await store.read(id, { start: 0, end: 0 })).destroy()
  }
}

async function* readPartial(partials: PartialStore, id: string): AsyncIterable<Uint8Array> {
  yield* await partials.read(id)
}
