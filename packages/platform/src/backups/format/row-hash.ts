import { hash } from 'node:crypto'

/** What is known of a table's content: how many rows, and the sum of their hashes, which has no order. */
export interface TableHash {
  readonly rows: number
  /** Sum of the rows' SHA-256, each of its eight 32-bit words by itself; hexadecimal. */
  readonly sum: string
}

const emptyHash: TableHash = { rows: 0, sum: '0'.repeat(64) }

/** Collects the hash of a table row by row. Rows can be taken out again, so that it follows what changes. */
export interface RowHash {
  add(row: Buffer | string): void
  remove(row: Buffer | string): void
  /** Adds all rows of a piece that ends where one ends. */
  addLines(piece: Buffer): void
  value(): TableHash
}

const words = 8
const newline = 0x0a

export function createRowHash(from: TableHash = emptyHash): RowHash {
  const known = Buffer.from(from.sum, 'hex')
  const sum = new Uint32Array(words)
  for (let word = 0; word < words; word += 1) sum[word] = known.readUInt32BE(word * 4)
  let { rows } = from

  const add = (row: Buffer | string) => {
    const digest = hash('sha256', row, 'buffer')
    for (let word = 0; word < words; word += 1) sum[word]! += digest.readUInt32BE(word * 4)
    rows += 1
  }
  return {
    add,
    remove: (row) => {
      const digest = hash('sha256', row, 'buffer')
      for (let word = 0; word < words; word += 1) sum[word]! -= digest.readUInt32BE(word * 4)
      rows -= 1
    },
    addLines: (piece) => {
      let begin = 0
      for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, begin)) {
        add(piece.subarray(begin, end))
        begin = end + 1
      }
    },
    value: () => {
      const bytes = Buffer.alloc(words * 4)
      for (const [place, word] of sum.entries()) bytes.writeUInt32BE(word, place * 4)
      return { rows, sum: bytes.toString('hex') }
    },
  }
}
