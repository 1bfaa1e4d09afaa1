import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type CellValue, makeWorkbook, makeZip, workbookFiles } from '@plinth/testing/workbook'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openSource } from '../open-source.ts'
import type { DecimalSign } from '../read-decimal.ts'
import { type CsvRecord, readRecords } from '../read-records.ts'
import { isTimeFormat } from './cell-text.ts'

async function read(source: Buffer | string, decimalSign?: DecimalSign): Promise<readonly CsvRecord[]> {
  const opened = await openSource(typeof source === 'string' ? source : Readable.from([source]))
  const records: CsvRecord[] = []
  for await (const record of readRecords(opened, undefined, decimalSign)) records.push(record)
  return records
}

const fieldsOf = async (rows: readonly (readonly CellValue[])[], decimalSign?: DecimalSign) =>
  (await read(makeWorkbook(rows), decimalSign)).map(({ fields }) => fields)

describe('a workbook', () => {
  it('gives the rows of its first sheet that is shown, with their numbers, as a CSV file would', async () => {
    const rows = [
      ['InvoiceNo', 'Description', 'UnitPrice', 'InvoiceDate', 'Gift'],
      [536365, 'A <wide> "mug" & lid', 2.55, new Date('2010-12-01T08:26:00Z'), true],
      [null, null, null],
      ['C536379', { inline: 'über\nzwei Zeilen' }, -0.1, new Date('2024-02-29T23:59:59.6Z'), false],
    ]
    expect(await read(makeWorkbook(rows))).toEqual([
      { line: 1, fields: rows[0], foreign: false },
      {
        line: 2,
        fields: ['536365', 'A <wide> "mug" & lid', '2.55', '2010-12-01 08:26:00', 'TRUE'],
        foreign: false,
      },
      {
        line: 4,
        fields: ['C536379', 'über\nzwei Zeilen', '-0.1', '2024-03-01 00:00:00', 'FALSE'],
        foreign: false,
      },
    ])
  })

  it('is read from a file as from bytes, and says how far', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-workbook-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'orders.xlsx')
    const bytes = makeWorkbook(
      Array.from({ length: 3_000 }, (_, index) => [`row ${index}`, index, null, 'end']),
    )
    await writeFile(file, bytes)
    const opened = await openSource(file)
    let rows = 0
    for await (const { fields, line } of readRecords(opened)) {
      expect(fields).toEqual([`row ${rows}`, String(rows), '', 'end'])
      rows += 1
      expect(line).toBe(rows)
    }
    expect(rows).toBe(3_000)
    expect(opened.totalBytes).toBe(bytes.length)
    expect(opened.readBytes()).toBeGreaterThan(0)
    expect(opened.readBytes()).toBeLessThanOrEqual(bytes.length)
  })

  it('writes numbers as they are shown, with the sign that its reader expects', async () => {
    const numbers = [0.1 + 0.2, 2.5499999999999998, 1e-7, 12_345_678_901, 1e20, -1.5]
    expect(await fieldsOf([numbers])).toEqual([
      ['0.3', '2.55', '0.0000001', '12345678901', '100000000000000000000', '-1.5'],
    ])
    expect(await fieldsOf([[1234.5]], 'comma')).toEqual([['1234,5']])
    expect(await fieldsOf([[1234.5]], 'point')).toEqual([['1234.5']])
  })

  it('counts days from 1904 where it says so', async () => {
    const bytes = makeWorkbook([[new Date('2010-12-01T08:26:00Z')]], { date1904: true })
    expect((await read(bytes))[0]!.fields).toEqual(['2010-12-01 08:26:00'])
  })

  it('stands for its results where cells are formulas or errors, and needs no reference', async () => {
    const sheet = `<x:worksheet xmlns:x="y"><!-- <row> --><x:sheetData><x:row><x:c t="str"><x:f>A1&amp;"x"</x:f><x:v>made</x:v></x:c>
      <x:c t="e"><x:v>#N/A</x:v></x:c><x:c t='inlineStr'><x:is><x:t><![CDATA[<b>]]></x:t></x:is></x:c><x:c r="F1"/><x:c><x:v>7</x:v></x:c>
      </x:row></x:sheetData></x:worksheet>`
    const [row] = await read(makeWorkbook([], { sheet }))
    expect(row!.fields).toEqual(['made', '#N/A', '<b>', '', '', '', '7'])
  })

  it.each([
    [14, undefined, true],
    [0, undefined, false],
    [9, undefined, false],
    [170, 'yyyy-mm-dd', true],
    [171, '[$-407]d. mmmm yyyy', true],
    [172, '#,##0.00 "days"', false],
    [173, '[Red]0.00', false],
    [174, '0.00E+00', false],
    [175, 'General', false],
    [176, '0\\d', false],
  ])('takes format %i %s for a time: %s', (id, code, expected) => {
    expect(isTimeFormat(id, code)).toBe(expected)
  })
})

describe('a file that is no workbook of ours', () => {
  const row = (cells: string) => `<worksheet><sheetData><row>${cells}</row></sheetData></worksheet>`
  const sheetOf = (sheet: string) => makeWorkbook([], { sheet })
  const without = (part: string) => {
    const { [part]: _, ...files } = workbookFiles([['a']])
    return makeZip(files)
  }
  const protectedBytes = () => {
    const bytes = makeWorkbook([['a']])
    bytes[bytes.indexOf('PK\u0001\u0002') + 8] = 1
    return bytes
  }
  it.each([
    ['an archive of something else', makeZip({ 'a.txt': 'a' }), /without a workbook/],
    ['no sheet', without('xl/worksheets/sheet1.xml'), /has no sheet/],
    ['cut off', makeWorkbook([['a']]).subarray(0, 900), /ends in the middle/],
    ['a document type', sheetOf('<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'), /document type/],
    ['a tag without an end', sheetOf(`<x ${'a'.repeat(1_100_000)}`), /text without an end/],
    ['a cell far to the right', sheetOf(row('<c r="XFD1"><v>1</v></c>')), /more than 1000 columns/],
    [
      'a row without an end',
      sheetOf(row(`<c t="str"><v>${'x'.repeat(600_000)}</v></c>`.repeat(2))),
      /more than 1000000 characters/,
    ],
    ['a password', protectedBytes(), /password/],
  ])('is refused in one line: %s', async (_what, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'import_workbook_unreadable',
      message: expect.stringMatching(message),
    })
  })

  it('a part that unpacks to more than its archive says is given up', async () => {
    const bytes = makeZip({ ...workbookFiles([['a']]), 'xl/sharedStrings.xml': ' '.repeat(5_000_000) })
    const at = bytes.indexOf('xl/sharedStrings.xml', bytes.indexOf('PK\u0001\u0002')) - 46
    bytes.writeUInt32LE(1_000, at + 24)
    await expect(read(bytes)).rejects.toMatchObject({ code: 'import_workbook_unreadable' })
  })

  it('damaged anywhere, it is read or refused, and nothing else', async () => {
    const whole = makeWorkbook([
      ['a', 1, new Date(0)],
      ['b', 2.5, true],
    ])
    const change = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 4 }),
        fc.nat({ max: whole.length }),
        async (changes, cut) => {
          const bytes = Buffer.from(whole)
          for (const [at, byte] of changes) bytes[at] = byte
          const outcome = await read(cut % 3 === 0 ? bytes.subarray(0, cut) : bytes).then(
            () => 'read',
            (error: { code?: string }) => error.code,
          )
          expect(outcome).toMatch(/^(read|import_\w+)$/)
        },
      ),
      { numRuns: 150, seed: 20_261_121 },
    )
  })
})
