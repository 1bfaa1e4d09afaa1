import { createHash, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { storageErrors } from '../../errors.ts'
import type { ByteStore, PartialStore, StagedBytes } from '../byte-store.ts'
import { createS3Keys, type S3Keys, type S3Options, type S3Part } from './s3-client.ts'

/** Bytes of one part: above S3's least (5 MiB), and all that one upload takes of memory, twice. */
const partBytes = 8 * 1_024 * 1_024

const name = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Bytes at S3, below `blobs/` under random names: what comes is not kept here until its hash is known. Nothing is found
 * before the last request of its upload, which completes all parts at once.
 */
export function createS3Store(options: S3Options): ByteStore {
  const keys = createS3Keys(options)
  const keyOf = (id: string) => {
    if (!name.test(id)) throw storageErrors.bytes_missing({ id })
    return `blobs/${id}`
  }
  const stage = (source: AsyncIterable<Uint8Array>) => stageAt(keys, keyOf, source)
  return {
    stage,
    read: async (id, range) => {
      const stream = await keys.get(keyOf(id), range)
      if (!stream) throw storageErrors.bytes_missing({ id })
      return stream
    },
    sizeOf: (id) => keys.sizeOf(keyOf(id)),
    remove: (id) => keys.delete(keyOf(id)),
    list: async function* () {
      for await (const { key, ...found } of keys.list('blobs/'))
        yield { id: key.slice('blobs/'.length), ...found }
    },
    removeAbandoned: (before) => removeAbandoned(keys, before),
    partials: createPartials(keys, stage),
  }
}

async function stageAt(
  keys: S3Keys,
  keyOf: (id: string) => string,
  source: AsyncIterable<Uint8Array>,
): Promise<StagedBytes> {
  const id = randomUUID()
  const key = keyOf(id)
  const hash = createHash('sha256')
  const parts: S3Part[] = []
  let upload: string | undefined
  let size = 0
  const discard = async () => {
    if (upload !== undefined) await keys.abortParts(key, upload)
  }
  try {
    let rest = Buffer.alloc(0)
    for await (const { bytes, isLast } of inParts(source)) {
      hash.update(bytes)
      size += bytes.length
      if (isLast && upload === undefined) {
        rest = bytes
        break
      }
      upload ??= await keys.beginParts(key)
      parts.push(await keys.putPart(key, upload, parts.length + 1, bytes))
    }
    const publish = () =>
      upload === undefined ? keys.put(key, rest) : keys.completeParts(key, upload, parts)
    return { id, size, sha256: hash.digest(), publish, discard }
  } catch (error) {
    await discard()
    throw error
  }
}

/** Cuts a source into parts; the last is there also when it is empty. */
async function* inParts(source: AsyncIterable<Uint8Array>) {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    held.push(chunk)
    bytes += chunk.byteLength
    while (bytes > partBytes) {
      const whole = Buffer.concat(held)
      yield { bytes: whole.subarray(0, partBytes), isLast: false }
      held = [whole.subarray(partBytes)]
      bytes -= partBytes
    }
  }
  yield { bytes: Buffer.concat(held), isLast: true }
}

async function removeAbandoned(keys: S3Keys, before: Date): Promise<number> {
  let removed = 0
  for await (const { key, upload, beganAt } of keys.listParts()) {
    if (beganAt >= before) continue
    await keys.abortParts(key, upload)
    removed += 1
  }
  for await (const { key, modifiedAt } of keys.list('partial/')) {
    if (modifiedAt >= before) continue
    await keys.delete(key)
    removed += 1
  }
  return removed
}

/** An upload in pieces is one object for each piece, named by where it begins: `partial/<id>/000000000008388608`. */
function createPartials(keys: S3Keys, stage: ByteStore['stage']): PartialStore {
  const folderOf = (id: string) => {
    if (!name.test(id)) throw storageErrors.no_such_upload()
    return `partial/${id}/`
  }
  const pieceAt = (id: string, offset: number) => folderOf(id) + String(offset).padStart(18, '0')
  const mark = (id: string) => `${folderOf(id)}begun`

  const piecesOf = async (id: string) => {
    const pieces: { key: string; size: number }[] = []
    let [found, end] = [false, 0]
    for await (const { key, size } of keys.list(folderOf(id))) {
      found = true
      // In the order of their names: what does not begin where the last one ended is not part of it.
      if (key !== pieceAt(id, end)) continue
      pieces.push({ key, size })
      end += size
    }
    if (!found) throw storageErrors.no_such_upload()
    return { pieces, end }
  }
  async function* readPieces(id: string, length = Infinity): AsyncIterable<Buffer> {
    let left = length
    for (const { key, size } of (await piecesOf(id)).pieces) {
      if (left <= 0) return
      const range = size > left ? { start: 0, end: left - 1 } : undefined
      const stream = await keys.get(key, range)
      if (!stream) throw storageErrors.no_such_upload()
      yield* stream as AsyncIterable<Buffer>
      left -= size
    }
  }
  const remove = async (id: string) => {
    for await (const { key } of keys.list(folderOf(id))) await keys.delete(key)
  }
  return {
    create: (id) => keys.put(mark(id), Buffer.alloc(0)),
    offsetOf: async (id) => {
      try {
        return (await piecesOf(id)).end
      } catch (error) {
        if ((error as { code?: string }).code === 'no_such_upload') return undefined
        throw error
      }
    },
    append: async (id, source) => {
      let { end } = await piecesOf(id)
      const write = async (bytes: Buffer) => {
        if (bytes.length === 0) return
        await keys.put(pieceAt(id, end), bytes)
        end += bytes.length
      }
      await writePieces(source, write)
      return end
    },
    read: async (id, length) => {
      await piecesOf(id)
      return Readable.from(readPieces(id, length), { objectMode: false })
    },
    finish: async (id) => {
      await piecesOf(id)
      const staged = await stage(readPieces(id))
      return {
        ...staged,
        publish: async () => {
          await staged.publish()
          await remove(id)
        },
      }
    },
    remove,
  }
}

/** When the source fails, what came before is written, and its error is thrown. */
async function writePieces(
  source: AsyncIterable<Uint8Array>,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  let held: Uint8Array[] = []
  let bytes = 0
  const flush = async () => {
    const piece = Buffer.concat(held)
    held = []
    bytes = 0
    await write(piece)
  }
  try {
    for await (const chunk of source) {
      held.push(chunk)
      bytes += chunk.byteLength
      if (bytes >= partBytes) await flush()
    }
  } finally {
    await flush()
  }
}
