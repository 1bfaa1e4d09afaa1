import { nullValue, type RawTuple, textValue } from '../tail/index.ts'

/** Where a tuple's values are in its message: `start` is -1 for null and -2 for a value that was not sent. */
export interface TupleSpans {
  readonly starts: Int32Array
  readonly ends: Int32Array
  message: Buffer
}

export const isNull = -1
export const notSent = -2

/** PostgreSQL's limit of columns is 1600. */
export const createSpans = (): TupleSpans => ({
  starts: new Int32Array(1600),
  ends: new Int32Array(1600),
  message: Buffer.alloc(0),
})

/** Finds the values of a tuple; the spans are overwritten. */
export function readSpans(tuple: RawTuple, spans: TupleSpans): void {
  const { message } = tuple
  const columns = message.readInt16BE(tuple.offset)
  let offset = tuple.offset + 2
  spans.message = message
  for (let column = 0; column < columns; column += 1) {
    const kind = message[offset]
    offset += 1
    if (kind === textValue) {
      const start = offset + 4
      offset =
        start +
        ((message[offset]! << 24) |
          (message[offset + 1]! << 16) |
          (message[offset + 2]! << 8) |
          message[offset + 3]!)
      spans.starts[column] = start
      spans.ends[column] = offset
    } else {
      spans.starts[column] = kind === nullValue ? isNull : notSent
    }
  }
}

/** The text of one value, null for SQL NULL and for what was not sent. */
export function spanText(spans: TupleSpans, column: number): string | null {
  const start = spans.starts[column]!
  return start < 0 ? null : spans.message.toString('utf8', start, spans.ends[column])
}

/** True when an update left the column as it was; a value that was not sent is one that did not change. */
export function isUnchanged(before: TupleSpans, after: TupleSpans, column: number): boolean {
  const start = after.starts[column]!
  const from = before.starts[column]!
  if (start === notSent) return true
  if (start < 0 || from < 0) return start === from
  const length = after.ends[column]! - start
  if (before.ends[column]! - from !== length) return false
  if (length > 64) {
    return after.message.compare(before.message, from, from + length, start, start + length) === 0
  }
  for (let index = 0; index < length; index += 1) {
    if (after.message[start + index] !== before.message[from + index]) return false
  }
  return true
}
