import { describe, expect, test, vi } from 'vitest'
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
  test.each(['constructor=x', '__proto__=x', 'timezone=constructor', 'hasOwnProperty', 'return=toString'])(
    '%s is unknown',
    (header) => {
      expect(readPreferences(header)).toEqual({})
      expect(code(() => readPreferences(`handling=strict,${header}`))).toBe('PGRST122')
    },
  )
  test('is read up to a number of preferences, and a zone is asked for once', () => {
    const zones = vi.spyOn(Intl, 'DateTimeFormat')
    expect(readPreferences(`${'timezone=Europe/Oslo,'.repeat(6_500)}return=minimal`)).toEqual({
      timezone: 'Europe/Oslo',
    })
    expect(readPreferences('timezone=Europe/Oslo')).toEqual({ timezone: 'Europe/Oslo' })
    expect(zones.mock.calls.length).toBe(1)
    zones.mockRestore()
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
  test.each(['constructor', '__proto__', 'toString', 'text/html;constructor', 'text/csv;q=0'])(
    '%s is nothing',
    (accept) => {
      expect(code(() => chooseFormat(accept))).toBe('PGRST107')
    },
  )
  test('reads no more media types than there may be', () => {
    expect(chooseFormat(`${'a/b,'.repeat(63)}text/csv`).kind).toBe('csv')
    expect(code(() => chooseFormat(`${'a/b,'.repeat(64)}text/csv`))).toBe('PGRST107')
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
