import { backupErrors } from '../errors.ts'

/** What a table's frames that follow hold, at the beginning of a table and of each part that goes on with it. */
export interface TableHeader {
  /** `schema.table`. */
  readonly table: string
  /** `rows`: all of the table. `changes`: rows as they are now, and keys of rows that went. */
  readonly as: 'rows' | 'changes'
  /** Names, in the order of the fields. */
  readonly columns: readonly string[]
  readonly key: readonly string[]
  /** Columns whose field is always NULL: their values are sealed in one more field at the end of the row. */
  readonly personal: readonly string[]
}

/** The plain content of a backup, frame by frame. */
export type Frame =
  | { readonly kind: 'part'; readonly backup: string; readonly number: number }
  | { readonly kind: 'table'; readonly header: TableHeader }
  /** Lines of COPY's text format, whole. */
  | { readonly kind: 'rows'; readonly lines: Buffer }
  /** Lines of the key's fields. */
  | { readonly kind: 'gone'; readonly lines: Buffer }
  | { readonly kind: 'end' }

const kinds = ['part', 'table', 'rows', 'gone', 'end'] as const
const headBytes = 5
/** Larger than any piece of COPY; what claims to be more is damaged. */
const mostBytes = 64 * 1_024 * 1_024

export function encodeFrame(frame: Frame): Buffer[] {
  const body = bodyOf(frame)
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(kinds.indexOf(frame.kind), 0)
  head.writeUInt32BE(body.length, 1)
  return [head, body]
}

function bodyOf(frame: Frame): Buffer {
  if (frame.kind === 'rows' || frame.kind === 'gone') return frame.lines
  if (frame.kind === 'table') return Buffer.from(JSON.stringify(frame.header))
  if (frame.kind === 'part')
    return Buffer.from(JSON.stringify({ backup: frame.backup, number: frame.number }))
  return Buffer.alloc(0)
}

/** The frames of a part's plain content. Fails with `backup_damaged`. */
export async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncIterable<Frame> {
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of source) {
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece])
    for (;;) {
      if (held.length < headBytes) break
      const length = held.readUInt32BE(1)
      if (length > mostBytes) throw backupErrors.backup_damaged({ problem: 'a frame is too large' })
      if (held.length < headBytes + length) break
      yield decode(held.readUInt8(0), held.subarray(headBytes, headBytes + length))
      held = held.subarray(headBytes + length)
    }
  }
  if (held.length > 0) throw backupErrors.backup_damaged({ problem: 'a part ends in the middle of a frame' })
}

function decode(code: number, body: Buffer): Frame {
  const kind = kinds[code]
  if (kind === 'rows' || kind === 'gone') return { kind, lines: body }
  if (kind === 'table') return { kind, header: JSON.parse(body.toString()) as TableHeader }
  if (kind === 'part') return { kind, ...(JSON.parse(body.toString()) as { backup: string; number: number }) }
  if (kind === 'end') return { kind }
  throw backupErrors.backup_damaged({ problem: `unknown frame ${code}` })
}
