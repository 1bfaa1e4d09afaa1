import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CsvProblem, CsvToJson, JsonTooLarge } from './csv-to-json.ts'
import { JsonOutliner, JsonProblem } from './json-outline.ts'
import { readRows } from './read-body.ts'

const settings = { numRuns: 300, seed: 20_261_121 }

/** Reads in pieces of `length` bytes. */
function inPieces<T>(reader: { advance(length: number): T | undefined }, length: number): T {
  for (;;) {
    const found = reader.advance(length)
    if (found !== undefined) return found
  }
}

const outline = (text: string, length = 7) => inPieces(new JsonOutliner(Buffer.from(text)), length)

describe('an outline of JSON', () => {
  test('takes what JSON.parse takes, with its keys, however it is cut into pieces', () => {
    const blank = fc.constantFrom('', ' ', '\n\t')
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 40 }), blank, (value, length, space) => {
        const found = outline(`${space}${JSON.stringify(value, null, space)}${space}`, length)
        const isObject = typeof value === 'object' && value !== null
        expect(found.kind).toBe(Array.isArray(value) ? 'array' : isObject ? 'object' : 'scalar')
        if (found.kind === 'object') expect(found.keys).toEqual(Object.keys(value as object))
      }),
      settings,
    )
  })
  test('refuses what JSON.parse refuses', () => {
    const text = fc
      .array(
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '"a"',
          '"',
          '1',
          '-',
          '0',
          '.5',
          'e',
          'true',
          'nul',
          ' ',
          '\\u00e9',
          '\\',
          '\n',
        ),
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (given) => {
        let valid = true
        try {
          JSON.parse(given)
        } catch {
          valid = false
        }
        if (valid) expect(outline(given)).toBeDefined()
        else expect(() => outline(given), given).toThrow(JsonProblem)
      }),
      { ...settings, numRuns: 3_000 },
    )
  })
  test.each([
    ['[{"a":1,"b":2},{"b":3,"a":4}]', true],
    ['[{"a":1,"a":2},{"a":3}]', true],
    ['[{"a":1},{"\\u0061":3}]', true],
    ['[{},{}]', true],
    ['[{"a":{"b":1}},{"a":[{"c":1}]}]', true],
    ['[{"a":1},{"b":1}]', false],
    ['[{"a":1},{}]', false],
    ['[{},{"a":1}]', false],
    ['[{"a":1,"b":1},{"a":1,"a":1}]', false],
  ])('%s: its rows have the same keys: %s', (text, sameKeys) => {
    expect(outline(text)).toMatchObject({ sameKeys, onlyObjects: true })
  })
  test.each(['[1]', '[{},null]', '[[{}]]', '[{},"x"]'])('%s holds more than objects', (text) => {
    expect(outline(text).onlyObjects).toBe(false)
  })
})

const rowsOf = (csv: string, length = 3) => {
  const { json, keys } = inPieces(new CsvToJson(Buffer.from(csv), 1_000_000), length)
  return { rows: JSON.parse(json.toString()) as unknown, keys }
}

describe('CSV as JSON', () => {
  test('is what was written, however it is cut into pieces', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => text.toWellFormed())
    const table = fc.array(fc.tuple(cell, cell), { maxLength: 5 })
    const written = (text: string) => `"${text.replaceAll('"', '""')}"`
    fc.assert(
      fc.property(
        table,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('\n', '\r\n'),
        (cells, length, end) => {
          const lines = [['a', 'b,"c"'], ...cells].map((row) => row.map(written).join(','))
          expect(rowsOf(lines.join(end), length)).toEqual({
            rows: cells.map(([first, second]) => ({ a: first, 'b,"c"': second })),
            keys: ['a', 'b,"c"'],
          })
        },
      ),
      settings,
    )
  })
  test.each([
    ['', []],
    ['a', []],
    ['\uFEFFa\n\n1\n\r\n2\n', [{ a: '1' }, { a: '2' }]],
    ['a,b\n,\n', [{ a: '', b: '' }]],
    ['a\nNULL\n"NULL"', [{ a: null }, { a: 'NULL' }]],
    ['a\nü\\\u0001', [{ a: 'ü\\\u0001' }]],
    ['a,b\n1,', [{ a: '1', b: '' }]],
  ])('%j is %j', (csv, rows) => {
    expect(rowsOf(csv).rows).toEqual(rows)
  })
  test.each(['a,b\n1', 'a,b\n1,2,3', 'a\n"', 'a\nx"', 'a\n"x"y', `${'a,'.repeat(1_600)}a`])(
    '%j is refused',
    (csv) => {
      expect(() => rowsOf(csv)).toThrow(CsvProblem)
    },
  )
  test('never makes more JSON than it may', () => {
    const csv = Buffer.from(`${'long'.repeat(15)},b\n${',\n'.repeat(1_000)}`)
    expect(() => inPieces(new CsvToJson(csv, 10_000), 64)).toThrow(JsonTooLarge)
  })
})

test('other work has its turn between the pieces of a large body', async () => {
  let turns = 0
  let reading = true
  const takeTurn = () => {
    turns += 1
    if (reading) setImmediate(takeTurn)
  }
  setImmediate(takeTurn)
  const cases = [
    ['application/json', `[${'{},'.repeat(300_000)}{}]`],
    ['text/csv', `a\n${'x\n'.repeat(300_000)}`],
  ] as const
  for (const [type, text] of cases) {
    const before = turns
    await readRows(type, Buffer.from(text), false)
    expect(turns - before).toBeGreaterThanOrEqual(Math.floor(text.length / 65_536) - 1)
  }
  reading = false
})
