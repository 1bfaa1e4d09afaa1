import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'

/** A row of a binary COPY: its bytes from the first field's length on, and where each field is in them. */
export interface CopyRow {
  readonly bytes: Buffer
  /** Start and end of each field; a null field has the start -1. */
  readonly fields: readonly (readonly [start: number, end: number])[]
}

const headerBytes = 19

/** Runs `copy (query) to stdout (format binary)` and gives one row after the other, as PostgreSQL sends it. */
export async function* readCopyRows(client: pg.Client, query: string): AsyncGenerator<CopyRow> {
  let rest: Buffer = Buffer.alloc(0)
  let begun = false
  for await (const chunk of client.query(copyTo(`copy (${query}) to stdout (format binary)`))) {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    if (!begun) {
      if (rest.length < headerBytes) continue
      rest = rest.subarray(headerBytes)
      begun = true
    }
    for (;;) {
      const row = cutRow(rest)
      if (!row) break
      yield row
      rest = rest.subarray(2 + row.bytes.length)
    }
  }
}

/** The first row of `bytes`, null when it is not there as a whole or the end has come. */
function cutRow(bytes: Buffer): CopyRow | null {
  if (bytes.length < 2) return null
  const count = bytes.readInt16BE(0)
  const fields: [number, number][] = []
  let offset = 2
  for (let field = 0; field < count; field += 1) {
    if (offset + 4 > bytes.length) return null
    const length = bytes.readInt32BE(offset)
    offset += 4
    fields.push(length < 0 ? [-1, -1] : [offset - 2, offset - 2 + length])
    offset += Math.max(length, 0)
  }
  if (count < 0 || offset > bytes.length) return null
  return { bytes: bytes.subarray(2, offset), fields }
}
