import { isUtf8 } from 'node:buffer'
import { Transform } from 'node:stream'
import { tabularErrors } from './errors.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

export interface DecodeOptions {
  /** Name of the source, for messages. */
  readonly source: string
  /** Told of every line (from 1) that had to be read as Windows-1252. */
  onForeignLine(line: number): void
  /** Most bytes of a line. */
  readonly limit: number
}

/**
 * Bytes in, UTF-8 out, whole lines at a time. Lines that are not UTF-8 are read as the Windows-1252 that
 * spreadsheets of Western Europe write: it gives every byte a meaning, so that no line is lost for an accent.
 * Lines end with a line feed, or, in a file whose first bytes have none, with a carriage return.
 * Fails with `import_record_too_long`.
 */
export function decodeLines({ source, onForeignLine, limit }: DecodeOptions): Transform {
  const windows = new TextDecoder('windows-1252')
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 1
  let lineEnd: number | undefined

  const decode = (bytes: Buffer): Buffer => {
    if (isUtf8(bytes)) {
      line += countEnds(bytes, lineEnd)
      return bytes
    }
    const lines = splitLines(bytes, lineEnd).map((one) => {
      const known = isUtf8(one)
      if (!known) onForeignLine(line)
      line += one.at(-1) === lineEnd ? 1 : 0
      return known ? one : Buffer.from(windows.decode(one))
    })
    return Buffer.concat(lines)
  }

  const keep = (chunk: Buffer) => {
    rest.push(chunk)
    restBytes += chunk.length
    if (restBytes > limit) throw tabularErrors.import_record_too_long({ source, line, limit })
  }

  const takeWholeLines = (chunk: Buffer): Buffer | undefined => {
    lineEnd ??= findLineEnd(chunk)
    const end = lineEnd === undefined ? 0 : chunk.lastIndexOf(lineEnd) + 1
    if (end === 0) {
      keep(chunk)
      return undefined
    }
    const whole = Buffer.concat([...rest, chunk.subarray(0, end)])
    rest = []
    restBytes = 0
    keep(chunk.subarray(end))
    return decode(whole)
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        done(null, takeWholeLines(chunk))
      } catch (error) {
        done(error as Error)
      }
    },
    flush(done) {
      done(null, decode(Buffer.concat(rest)))
    },
  })
}

/** A carriage return that ends the chunk may be half of a CRLF. */
function findLineEnd(bytes: Buffer): number | undefined {
  if (bytes.includes(lineFeed)) return lineFeed
  const at = bytes.indexOf(carriageReturn)
  return at >= 0 && at < bytes.length - 1 ? carriageReturn : undefined
}

function splitLines(bytes: Buffer, lineEnd = lineFeed): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(lineEnd, start)
    const end = found < 0 ? bytes.length : found + 1
    lines.push(bytes.subarray(start, end))
    start = end
  }
  return lines
}

function countEnds(bytes: Buffer, lineEnd = lineFeed): number {
  let count = 0
  for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) count += 1
  return count
}
