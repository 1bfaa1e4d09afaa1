import { describe, expect, test } from 'vitest'
import { readCallBody, readRows } from './body.ts'
import { Slots } from './filter.ts'
import { chooseFormat } from './media.ts'
import { appliedPreferences, readPreferences } from './preferences.ts'
import { readWindow } from './range.ts'

const code = (work: () => unknown): unknown => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('Prefer', () => {
  test('takes the first mention and drops what it does not know', () => {
    expect(readPreferences('return=minimal, return=representation,count=exact , foo, tx=maybe')).toEqual({
      return: 'minimal',
      count: 'exact',
    })
    expect(readPreferences('timezone=Europe/Lisbon, max-affected=3, timezone=Nowhere/At')).toEqual({
      timezone: 'Europe/Lisbon',
      'max-affected': 3,
    })
    expect(readPreferences(null)).toEqual({})
  })
  test('fails on the unknown only when strict', () => {
    expect(code(() => readPreferences('handling=strict, timezone=Nowhere/At'))).toBe('PGRST122')
    expect(code(() => readPreferences('handling=lenient, x'))).toBeUndefined()
  })
  test('is answered with what was honoured', () => {
    const preferences = readPreferences('count=exact, return=minimal, tx=rollback')
    expect(appliedPreferences(preferences, ['return', 'count'])).toBe('return=minimal, count=exact')
    expect(appliedPreferences(preferences, ['handling'])).toBeUndefined()
  })
})

describe('Accept', () => {
  test.each([
    [null, 'array'],
    ['*/*', 'array'],
    ['text/html, application/xml;q=0.9, */*;q=0.8', 'array'],
    ['text/csv', 'csv'],
    ['application/json;q=0.1, text/csv;q=0.9', 'csv'],
    ['application/vnd.pgrst.object+json; charset=utf-8', 'object'],
    ['application/vnd.pgrst.object+json;nulls=stripped', 'object'],
  ])('%s is %s', (accept, kind) => {
    expect(chooseFormat(accept).kind).toBe(kind)
  })
  test('of nothing that there is fails', () => {
    expect(code(() => chooseFormat('image/png, application/vnd.pgrst.plan'))).toBe('PGRST107')
  })
})

describe('the window', () => {
  test.each([
    [[undefined, 0, null, undefined], { offset: 0, limit: undefined }],
    [[10, 5, null, undefined], { offset: 5, limit: 10 }],
    [[undefined, 0, '5-9', undefined], { offset: 5, limit: 5 }],
    [[3, 0, '1-9', undefined], { offset: 1, limit: 2 }],
    [[undefined, 0, '7-', 2], { offset: 7, limit: 2 }],
    [[50, 0, null, 20], { offset: 0, limit: 20 }],
    [[undefined, 0, 'bytes=x', undefined], { offset: 0, limit: undefined }],
    [[1, 0, '5-9', undefined], { offset: 5, limit: 0 }],
  ] as [Parameters<typeof readWindow>, object][])('of %j is %j', (given, window) => {
    expect(readWindow(...given)).toEqual(window)
  })
  test('cannot end before it starts', () => {
    expect(code(() => readWindow(undefined, 0, '9-5', undefined))).toBe('PGRST103')
  })
})

describe('a body', () => {
  const rows = (type: string | null, text: string, mixed = false) => readRows(type, Buffer.from(text), mixed)
  test('of rows keeps its text and says its keys', () => {
    expect(rows(null, '[{"a":1.0,"b":2},{"b":1,"a":2}]')).toEqual({
      json: '[{"a":1.0,"b":2},{"b":1,"a":2}]',
      isArray: true,
      rows: 2,
      keys: ['a', 'b'],
    })
    expect(rows('application/json; charset=utf-8', '{"__proto__":1}')).toMatchObject({
      isArray: false,
      keys: ['__proto__'],
    })
    expect(rows('application/json', '[{"a":1},{"b":1}]', true).rows).toBe(2)
  })
  test.each([
    ['application/json', ''],
    ['application/json', '{'],
    ['application/json', '"x"'],
    ['application/json', '[1]'],
    ['application/json', '[{"a":1},{"b":1}]'],
    ['application/json', `${'['.repeat(600)}${']'.repeat(600)}`],
    ['application/json', `{${Array.from({ length: 2000 }, (_, key) => `"${key}":1`).join(',')}}`],
    ['text/csv', 'a,b\n1'],
    ['image/png', 'x'],
  ])('%s %j is refused', (type, text) => {
    expect(code(() => rows(type, text))).toBe('PGRST102')
  })
  test('brackets in strings do not nest', () => {
    expect(rows(null, JSON.stringify({ a: `\\"${'['.repeat(2_000)}` })).keys).toEqual(['a'])
  })
  test('of a call may be anything that a function takes', () => {
    const slots = new Slots()
    const read = (type: string | null, text: string) => readCallBody(type, Buffer.from(text), slots)
    expect(read(null, '')).toMatchObject({ kind: 'json', keys: [], json: '{}' })
    expect(read(null, '[1]')).toMatchObject({ kind: 'json', isObject: false })
    expect(read('application/x-www-form-urlencoded', 'a=1&a=2')).toMatchObject({
      texts: [
        { name: 'a', slot: 0 },
        { name: 'a', slot: 1 },
      ],
    })
    expect(read('text/plain', 'hi')).toEqual({ kind: 'raw', type: 'text/plain', value: 'hi' })
    expect(code(() => read('a/b', ''))).toBe('PGRST102')
  })
})
