import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { decodeLines } from './decode-lines.ts'

async function decode(chunks: readonly Buffer[], limit = 1000) {
  const foreign: number[] = []
  const stages = Readable.from(chunks).compose(
    decodeLines({ source: 'sample', limit, onForeignLine: (line) => foreign.push(line) }),
  )
  return { text: (await buffer(stages)).toString('utf8'), foreign }
}

/** The same bytes in chunks of every small size, so that no letter or line is lucky with its place. */
function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let size = 1; size <= bytes.length; size += 1) {
    const count = Math.ceil(bytes.length / size)
    yield Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
  }
}

describe('decoding', () => {
  it('leaves UTF-8 alone wherever the chunks are cut', async () => {
    const text = 'a,é\n£5,b\n\nend without a line feed €'
    for (const chunks of cuts(Buffer.from(text))) {
      expect(await decode(chunks)).toEqual({ text, foreign: [] })
    }
  })

  it('reads lines that are not UTF-8 as Windows-1252 and says which', async () => {
    const bytes = Buffer.concat([
      Buffer.from('code,text\n'),
      Buffer.from([0x41, 0x2c, 0xa3, 0x35, 0x30, 0x0a]),
      Buffer.from('B,£50\n'),
      Buffer.from([0x43, 0x2c, 0x80]),
    ])
    for (const chunks of cuts(bytes)) {
      expect(await decode(chunks)).toEqual({ text: 'code,text\nA,£50\nB,£50\nC,€', foreign: [2, 4] })
    }
  })

  it('refuses a file without line ends instead of holding it in memory', async () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(100, 0x61))
    await expect(decode(chunks)).rejects.toMatchObject({
      code: 'import_record_too_long',
      details: { line: 1 },
    })
  })
})
