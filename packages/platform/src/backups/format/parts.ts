import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { type NamedStore, openFrames, sealFrames } from '../../storage/index.ts'
import { backupErrors } from '../errors.ts'
import { decodeFrames, encodeFrame, type Frame } from './frames.ts'
import type { PartEntry } from './manifest.ts'

/** No part is larger (R-N3): MB are 10⁶ bytes. */
const mostPartBytes = 50_000_000
/** A part ends when so much of it is compressed; what is still in the compressor comes on top. */
const fullFrom = 40_000_000
/** Plain bytes in a part at most: what is in the compressor cannot be more than that. */
const mostPlainBytes = 1_024 * 1_024 * 1_024

const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
}

export interface WritePartsOptions {
  readonly store: NamedStore
  readonly backup: string
  /** 32 bytes, the backup's own. */
  readonly key: Buffer
  /** The name of a part, from 1. */
  nameOf(part: number): string
  /** Default {@link fullFrom}. */
  readonly fullFrom?: number
}

/**
 * Writes frames as parts that each are opened by themselves: compressed, sealed, hashed. Gives them in order. A failure
 * leaves the parts before it in the store; nothing names them.
 */
export async function writeParts(
  frames: AsyncIterable<Frame>,
  options: WritePartsOptions,
): Promise<readonly PartEntry[]> {
  const source = frames[Symbol.asyncIterator]()
  const parts: PartEntry[] = []
  let goesOn: Frame | null = null
  let next = await source.next()
  try {
    do {
      const number = parts.length + 1
      const written: Written = { compressed: 0, plain: 0, failure: undefined }
      const content = async function* (): AsyncIterable<Buffer> {
        yield* encodeFrame({ kind: 'part', backup: options.backup, number })
        if (goesOn) yield* encodeFrame(goesOn)
        while (!next.done) {
          const frame: Frame = next.value
          for (const bytes of encodeFrame(frame)) {
            written.plain += bytes.length
            yield bytes
          }
          if (frame.kind === 'table') goesOn = frame
          if (frame.kind === 'end') goesOn = null
          next = await source.next().catch((error: unknown) => {
            written.failure = { error }
            throw error
          })
          if (written.compressed >= (options.fullFrom ?? fullFrom) || written.plain >= mostPlainBytes) return
        }
      }
      parts.push(await writePart(content(), options, number, written))
    } while (!next.done)
  } finally {
    await source.return?.()
  }
  return parts
}

/** What is known of a part while it is written. */
interface Written {
  compressed: number
  plain: number
  /** Of the source. */
  failure: { readonly error: unknown } | undefined
}

async function writePart(
  content: AsyncIterable<Buffer>,
  { store, key, nameOf }: WritePartsOptions,
  number: number,
  written: Written,
): Promise<PartEntry> {
  const hash = createHash('sha256')
  const name = nameOf(number)
  const compressed = new PassThrough()
  const counted = async function* () {
    for await (const chunk of compressed) {
      written.compressed += (chunk as Buffer).length
      yield chunk as Buffer
    }
  }
  const hashed = async function* () {
    for await (const chunk of sealFrames(key, counted())) {
      hash.update(chunk)
      yield chunk
    }
  }
  const compressing = pipeline(
    Readable.from(content, { objectMode: false }),
    createZstdCompress(compression),
    compressed,
  )
  compressing.catch(() => undefined)
  const [ended, stored] = await Promise.allSettled([
    compressing,
    store.put(name, hashed()).catch((error: unknown) => {
      compressed.destroy()
      throw error
    }),
  ])
  // A source that fails ends the compressor, which ends what the store takes in: the source is what is told.
  if (written.failure) throw written.failure.error
  if (stored.status === 'rejected') throw placeError(stored.reason)
  if (ended.status === 'rejected') throw ended.reason
  return { name, bytes: stored.value, size: written.compressed, sha256: hash.digest('hex') }
}

/** A failure of the place where backups lie, told apart from one of the database. */
export function placeError(cause: unknown): Error {
  const { code } = cause as { code?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT') return backupErrors.backup_place_full({}, cause)
  const problem = cause instanceof Error ? cause.message : String(cause)
  return backupErrors.backup_place_gone({ problem }, cause)
}

/**
 * The frames of a part that is what the manifest says: its bytes are compared with their hash before the first of them is
 * used. Fails with `backup_part_missing`, `backup_damaged` or `backup_place_gone`.
 */
export async function* readPart(
  store: NamedStore,
  entry: PartEntry,
  { backup, number, key }: { readonly backup: string; readonly number: number; readonly key: Buffer },
): AsyncIterable<Frame> {
  const damaged = (problem: string, cause?: unknown) =>
    backupErrors.backup_damaged({ problem: `${entry.name}: ${problem}` }, cause)
  const bytes = await readWhole(store, entry.name, entry.bytes)
  if (bytes === undefined) throw backupErrors.backup_part_missing({ name: entry.name })
  if (bytes.length !== entry.bytes) throw damaged(`${bytes.length} bytes instead of ${entry.bytes}`)
  if (createHash('sha256').update(bytes).digest('hex') !== entry.sha256) throw damaged('its hash is another')
  const read = async ({ start, end }: { start: number; end: number }) => [bytes.subarray(start, end + 1)]
  const sealed = openFrames(key, async (range) => toAsync(await read(range)), entry.size)
  const plain = Readable.from(sealed, { objectMode: false }).compose(
    createZstdDecompress(),
  ) as AsyncIterable<Buffer>
  let isFirst = true
  try {
    for await (const frame of decodeFrames(plain)) {
      if (isFirst) {
        if (frame.kind !== 'part' || frame.backup !== backup || frame.number !== number)
          throw damaged('it is another part')
        isFirst = false
      } else yield frame
    }
  } catch (error) {
    throw isOwn(error) ? error : damaged('it cannot be opened', error)
  }
  if (isFirst) throw damaged('it is empty')
}

const isOwn = (error: unknown) => String((error as { code?: unknown }).code).startsWith('backup_')

async function* toAsync(chunks: readonly Buffer[]) {
  yield* chunks
}

/** Up to a little more than `expected` bytes; undefined when there is nothing. Fails with `backup_place_gone`. */
export async function readWhole(
  store: NamedStore,
  name: string,
  expected = mostPartBytes,
): Promise<Buffer | undefined> {
  try {
    const stream = await store.get(name)
    if (!stream) return undefined
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > expected) break
    }
    return Buffer.concat(chunks)
  } catch (error) {
    throw placeError(error)
  }
}
