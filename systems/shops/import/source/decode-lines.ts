import { isUtf8 } from 'node:buffer'
import { Transform } from 'node:stream'
import { importErrors } from '../errors.ts'

const lineFeed = 0x0a

export interface DecodeOptions {
  /** Name of the source, for messages. */
  readonly source: string
  /** Told of every line (from 1) that had to be read as Windows-1252. */
  onForeignLine(line: number): void
  /** Most bytes between two line feeds. */
  readonly limit: number
}

/**
 * Bytes in, UTF-8 out, whole lines at a time. Lines that are not UTF-8 are read as the Windows-1252 that
 * spreadsheets of Western Europe write: it gives every byte a meaning, so that no line is lost for an accent.
 * Fails with `import_record_too_long`.
 */
export function decodeLines({ source, onForeignLine, limit }: DecodeOptions): Transform {
  const windows = new TextDecoder('windows-1252')
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 1

  const decode = (bytes: Buffer): Buffer => {
    if (isUtf8(bytes)) {
      line += countLineFeeds(bytes)
      return bytes
    }
    const lines = splitLines(bytes).map((one) => {
      const known = isUtf8(one)
      if (!known) onForeignLine(line)
      line += one.at(-1) === lineFeed ? 1 : 0
      return known ? one : Buffer.from(windows.decode(one))
    })
    return Buffer.concat(lines)
  }

  const keep = (chunk: Buffer) => {
    rest.push(chunk)
    restBytes += chunk.length
    if (restBytes > limit) throw importErrors.import_record_too_long({ source, line, limit })
  }

  const takeWholeLines = (chunk: Buffer): Buffer | undefined => {
    const end = chunk.lastIndexOf(lineFeed) + 1
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

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const feed = bytes.indexOf(lineFeed, start)
    const end = feed < 0 ? bytes.length : feed + 1
    lines.push(bytes.subarray(start, end))
    start = end
  }
  return lines
}

function countLineFeeds(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count += 1
  return count
}
