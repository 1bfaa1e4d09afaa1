const quote = 0x22
const backslash = 0x5c
/** Up to here a loop is faster than calling into Node. */
const shortBytes = 48

/** A growing buffer that rows of `COPY … (format binary)` and JSON are written into. */
export interface CopyBuffer {
  bytes: Buffer
  length: number
}

export const createCopyBuffer = (size = 65_536): CopyBuffer => ({
  bytes: Buffer.allocUnsafe(size),
  length: 0,
})

/** Makes room for `more` bytes. */
function reserve(out: CopyBuffer, more: number): void {
  const needed = out.length + more
  if (needed <= out.bytes.length) return
  const grown = Buffer.allocUnsafe(Math.max(needed, out.bytes.length * 2))
  out.bytes.copy(grown, 0, 0, out.length)
  out.bytes = grown
}

export function putBytes(out: CopyBuffer, bytes: Buffer): void {
  reserve(out, bytes.length)
  if (bytes.length > shortBytes) bytes.copy(out.bytes, out.length)
  else for (let index = 0; index < bytes.length; index += 1) out.bytes[out.length + index] = bytes[index]!
  out.length += bytes.length
}

export function putByte(out: CopyBuffer, byte: number): void {
  reserve(out, 1)
  out.bytes[out.length] = byte
  out.length += 1
}

export function putInt32(out: CopyBuffer, value: number): void {
  reserve(out, 4)
  out.length = out.bytes.writeInt32BE(value, out.length)
}

/** A whole number up to 2^53 in eight bytes. */
export function putInt64(out: CopyBuffer, value: number): void {
  reserve(out, 8)
  out.bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), out.length)
  out.length = out.bytes.writeUInt32BE(value % 0x1_0000_0000, out.length + 4)
}

/** A field: its length in four bytes, then the bytes; a null field is the length -1. */
export function putField(out: CopyBuffer, bytes: Buffer | null): void {
  putInt32(out, bytes === null ? -1 : bytes.length)
  if (bytes !== null) putBytes(out, bytes)
}

/** A field of the bytes from `start` to `end`. */
export function putRange(out: CopyBuffer, from: Buffer, start: number, end: number): void {
  putInt32(out, end - start)
  reserve(out, end - start)
  out.length += from.copy(out.bytes, out.length, start, end)
}

const hashBytes = 32

/** A field of a SHA-256 given in hexadecimal. */
export function putHash(out: CopyBuffer, hash: string): void {
  putInt32(out, hashBytes)
  reserve(out, hashBytes)
  out.length += out.bytes.write(hash, out.length, 'hex')
}

/** Begins a field whose length is not known yet; {@link endField} writes it. */
export function beginField(out: CopyBuffer): number {
  reserve(out, 4)
  out.length += 4
  return out.length
}

export function endField(out: CopyBuffer, start: number): void {
  out.bytes.writeInt32BE(out.length - start, start - 4)
}

/** Bytes `start` to `end` of UTF-8 text as a JSON string. */
export function putJsonText(out: CopyBuffer, text: Buffer, start: number, end: number): void {
  let escapes = 0
  for (let index = start; index < end; index += 1) {
    const byte = text[index]!
    if (byte < 0x20 || byte === quote || byte === backslash) escapes += 1
  }
  const length = end - start
  reserve(out, length + escapes * 5 + 2)
  const { bytes } = out
  let at = out.length
  bytes[at] = quote
  at += 1
  if (escapes > 0) at = putEscaped(bytes, at, text, start, end)
  else if (length > shortBytes) at += text.copy(bytes, at, start, end)
  else
    for (let index = start; index < end; index += 1) {
      bytes[at] = text[index]!
      at += 1
    }
  bytes[at] = quote
  out.length = at + 1
}

/** As JSON.stringify writes them, so that keys can be compared as text. */
const controlEscapes = Array.from({ length: 0x20 }, (_, byte) =>
  JSON.stringify(String.fromCharCode(byte)).slice(1, -1),
)

function putEscaped(bytes: Buffer, from: number, text: Buffer, start: number, end: number): number {
  let at = from
  for (let index = start; index < end; index += 1) {
    const byte = text[index]!
    if (byte === quote || byte === backslash) {
      bytes[at] = backslash
      bytes[at + 1] = byte
      at += 2
    } else if (byte < 0x20) {
      at += bytes.write(controlEscapes[byte]!, at, 'latin1')
    } else {
      bytes[at] = byte
      at += 1
    }
  }
  return at
}
