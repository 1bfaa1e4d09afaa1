import { createCipheriv, createDecipheriv } from 'node:crypto'
import { newKey, seal, unseal } from '../../kernel/index.ts'
import { storageErrors } from '../errors.ts'
import type { ByteRange } from './byte-store.ts'

/**
 * Bytes at rest, encrypted so that a range can be read: a header with the file's own key, sealed under the project's, and
 * frames of 64 KiB, each encrypted and authenticated by AES-256-GCM. A frame's nonce is its number, and its additional data
 * say whether it is the last, so that frames can be neither exchanged nor cut off (the STREAM construction).
 */
const frameBytes = 65_536
const tagBytes = 16
const magic = Buffer.from('PLS1')
/** The magic, and 32 bytes of key as `seal` lays them out. */
const headerBytes = magic.length + 1 + 12 + tagBytes + 32
const context = 'storage/file'

const nonceOf = (frame: number): Buffer => {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(frame), 4)
  return nonce
}

const factsOf = (isLast: boolean): Buffer => Buffer.of(isLast ? 1 : 0)

/** Bytes that sealing makes of so many. */
const sealedSize = (size: number): number => headerBytes + size + framesOf(size) * tagBytes

const framesOf = (size: number): number => Math.max(1, Math.ceil(size / frameBytes))

/** The sealed form of a source. */
export async function* sealFrames(key: Buffer, source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const own = newKey()
  yield Buffer.concat([magic, seal(key, own, context)])
  let frame = 0
  for await (const { plain, isLast } of inFrames(source, frameBytes)) {
    const cipher = createCipheriv('aes-256-gcm', own, nonceOf(frame)).setAAD(factsOf(isLast))
    const body = cipher.update(plain)
    cipher.final()
    yield Buffer.concat([body, cipher.getAuthTag()])
    frame += 1
  }
}

export type ReadSealed = (range: ByteRange) => Promise<AsyncIterable<Uint8Array>>

/**
 * The plain bytes of a range of a file of `size` plain bytes; only the frames that it touches are read. Fails with
 * `bytes_damaged`.
 */
export async function* openFrames(
  key: Buffer,
  read: ReadSealed,
  size: number,
  range: ByteRange = { start: 0, end: size - 1 },
): AsyncIterable<Buffer> {
  const own = await readKey(key, read)
  const last = framesOf(size) - 1
  const [first, final] = [
    Math.floor(range.start / frameBytes),
    Math.floor(Math.max(0, range.end) / frameBytes),
  ]
  const sealed = await read({
    start: headerBytes + first * (frameBytes + tagBytes),
    end: Math.min(headerBytes + (final + 1) * (frameBytes + tagBytes), sealedSize(size)) - 1,
  })
  let frame = first
  for await (const { plain: piece } of inFrames(sealed, frameBytes + tagBytes)) {
    const plain = openFrame(own, piece, frame, frame === last)
    const begin = frame * frameBytes
    const part = plain.subarray(
      Math.max(0, range.start - begin),
      Math.max(0, Math.min(plain.length, range.end + 1 - begin)),
    )
    if (part.length > 0) yield part
    frame += 1
  }
  if (frame !== final + 1) throw storageErrors.bytes_damaged()
}

async function readKey(key: Buffer, read: ReadSealed): Promise<Buffer> {
  const header: Uint8Array[] = []
  for await (const chunk of await read({ start: 0, end: headerBytes - 1 })) header.push(chunk)
  const whole = Buffer.concat(header)
  if (whole.length !== headerBytes || !whole.subarray(0, magic.length).equals(magic))
    throw storageErrors.bytes_damaged()
  return unseal(key, whole.subarray(magic.length), context)
}

function openFrame(key: Buffer, sealed: Buffer, frame: number, isLast: boolean): Buffer {
  try {
    const body = sealed.subarray(0, sealed.length - tagBytes)
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(frame), { authTagLength: tagBytes })
    decipher.setAAD(factsOf(isLast)).setAuthTag(sealed.subarray(sealed.length - tagBytes))
    const plain = decipher.update(body)
    decipher.final()
    return plain
  } catch (cause) {
    throw storageErrors.bytes_damaged({}, cause)
  }
}

/** Cuts a source into pieces of one length; only the last is shorter, and it is there also when it is empty. */
async function* inFrames(source: AsyncIterable<Uint8Array>, length: number) {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    held.push(chunk)
    bytes += chunk.byteLength
    // The last piece is known only when the source has ended: one is kept back.
    if (bytes <= length) continue
    let whole = Buffer.concat(held)
    while (whole.length > length) {
      yield { plain: whole.subarray(0, length), isLast: false }
      whole = whole.subarray(length)
    }
    held = [whole]
    bytes = whole.length
  }
  yield { plain: Buffer.concat(held), isLast: true }
}
