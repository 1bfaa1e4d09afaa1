import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSource } from './open-source.ts'
import { type CsvRecord, readRecords, recordLimit } from './read-records.ts'

async function read(bytes: string | Buffer): Promise<CsvRecord[]> {
  const opened = await openSource(Readable.from([Buffer.from(bytes)], { objectMode: false }))
  return collect(readRecords(opened))
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

const plain = (records: readonly CsvRecord[]) => records.map(({ line, fields }) => [line, ...fields])

describe('reading CSV', () => {
  it('gives records with the line on which each starts', async () => {
    const records = await read('\uFEFFa,b\r\n1,"x, ""y"""\r\n\r\n2,"over\r\ntwo lines"\r\n3,z')
    expect(plain(records)).toEqual([
      [1, 'a', 'b'],
      [2, '1', 'x, "y"'],
      [4, '2', 'over\r\ntwo lines'],
      [6, '3', 'z'],
    ])
  })

  it('recognises gzip by its bytes, and the delimiter by the header', async () => {
    expect(plain(await read(gzipSync('a;b\n1,5;2\n')))).toEqual([
      [1, 'a', 'b'],
      [2, '1,5', '2'],
    ])
  })

  it('says which records were not UTF-8', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a\n1\n'),
      Buffer.from([0xa3, 0x0a]),
      Buffer.from('"x\n£"\n3\n'),
    ])
    expect((await read(bytes)).map(({ line, foreign }) => [line, foreign])).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [4, false],
      [6, false],
    ])
  })

  it.each([
    ['a quote that is never closed', 'a,b\n1,2\n3,"open\n4,5\n', 'import_malformed_csv', { line: 3 }],
    ['text after a closing quote', 'a,b\n"1"x,2\n3,4\n', 'import_malformed_csv', { line: 2 }],
    ['a quote inside an unquoted field', 'a,b\n1,12" plate\n', 'import_malformed_csv', { line: 2 }],
    ['a huge field', `a,b\n1,${'x'.repeat(recordLimit + 10)}\n`, 'import_record_too_long', { line: 2 }],
    ['a huge quoted field', `a,b\n1,"${'x\n'.repeat(recordLimit)}"\n`, 'import_record_too_long', { line: 2 }],
    ['nothing', '', 'import_source_empty', {}],
    ['UTF-16', Buffer.from('\uFEFFa,b', 'utf16le'), 'import_source_encoding', { encoding: 'UTF-16 text' }],
    ['a damaged workbook', 'PK\u0003\u0004rest', 'import_workbook_unreadable', {}],
    ['an old workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1]), 'import_source_encoding', {}],
    ['truncated gzip', gzipSync('a,b\n'.repeat(10_000)).subarray(0, 40), 'import_source_damaged', {}],
    ['gzip with a flipped bit', flip(gzipSync('a,b\n'.repeat(1000))), 'import_source_damaged', {}],
  ])('refuses %s', async (_what, bytes, code, details) => {
    await expect(read(bytes)).rejects.toMatchObject({ code, details })
  })
})

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const place = copy.length - 6
  copy[place] = copy[place]! ^ 1
  return copy
}

describe('sources', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-import-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('counts what was read of a file against its size', async () => {
    const path = join(folder, 'sample.csv')
    const text = `a,b\n${'1,2\n'.repeat(50_000)}`
    await writeFile(path, text)
    const opened = await openSource(path)
    expect(opened.totalBytes).toBe(text.length)
    expect(await collect(readRecords(opened))).toHaveLength(50_001)
    expect(opened.readBytes()).toBe(text.length)
  })

  it.each([['missing.csv'], ['.']])('refuses %s', async (name) => {
    await expect(openSource(join(folder, name))).rejects.toMatchObject({ code: 'import_source_missing' })
  })
})
