import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valueJson } from '../row-values.ts'
import { isInSnapshot } from '../watch/read-snapshot.ts'
import { parseFilter } from './parse-filter.ts'

const quote = (value: string) => `"${value.replace(/[\\"]/g, '\\$&')}"`

describe('parseFilter', () => {
  it('reads columns, operators, negation and lists', () => {
    expect(parseFilter('id=gte.5,status=not.in.(a,"b,c"),note=is.null')).toEqual([
      { column: 'id', negated: false, operator: 'gte', values: ['5'] },
      { column: 'status', negated: true, operator: 'in', values: ['a', 'b,c'] },
      { column: 'note', negated: false, operator: 'is', values: ['null'] },
    ])
  })

  it('gives back every quoted value', () => {
    const values = fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 5 })
    const check = (list: string[]) => {
      const text = `a=in.(${list.map(quote).join(',')}),b=eq.${quote(list[0]!)}`
      expect(parseFilter(text).map((condition) => condition.values)).toEqual([list, [list[0]]])
    }
    fc.assert(fc.property(values, check), { seed: 3, numRuns: 300 })
  })

  it('takes or refuses anything else with malformed_filter only', () => {
    const check = (text: string) => {
      try {
        parseFilter(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed_filter' })
      }
    }
    fc.assert(fc.property(fc.string({ maxLength: 60 }), check), { seed: 3, numRuns: 1_000 })
    const likely = fc.array(fc.constantFrom('a', '=', 'eq.', 'in.', '(', ')', ',', '"', '\\', 'not.', ' '))
    fc.assert(
      fc.property(
        likely.map((parts) => parts.join('')),
        check,
      ),
      { seed: 3, numRuns: 1_000 },
    )
  })
})

describe('isInSnapshot', () => {
  it('tells whether a transaction had committed, also past the turn of its 32 bits', () => {
    expect(isInSnapshot('10:20:12,15', 9)).toBe(true)
    expect(isInSnapshot('10:20:12,15', 12)).toBe(false)
    expect(isInSnapshot('10:20:12,15', 13)).toBe(true)
    expect(isInSnapshot('10:20:12,15', 20)).toBe(false)
    expect(isInSnapshot('10:10:', 9)).toBe(true)
    const turn = 2n ** 32n
    expect(isInSnapshot(`${turn + 5n}:${turn + 9n}:${turn + 6n}`, 6)).toBe(false)
    expect(isInSnapshot(`${turn + 5n}:${turn + 9n}:`, 4_294_967_290)).toBe(true)
    expect(isInSnapshot(`${turn - 5n}:${turn - 1n}:`, 3)).toBe(false)
  })
})

describe('valueJson', () => {
  it.each([
    [16, 't', 'true'],
    [20, '9007199254740993', '9007199254740993'],
    [1700, '12.500', '12.500'],
    [1700, 'NaN', '"NaN"'],
    [701, '-Infinity', '"-Infinity"'],
    [701, '1e-07', '1e-07'],
    [25, 'a "b"\n', '"a \\"b\\"\\n"'],
    [3802, '{"a": [1]}', '{"a": [1]}'],
    [1184, '2026-01-02 03:04:05.6+05:30', '"2026-01-02T03:04:05.6+05:30"'],
    [1184, '2026-01-02 03:04:05+00', '"2026-01-02T03:04:05+00:00"'],
    [1114, '2026-01-02 03:04:05', '"2026-01-02T03:04:05"'],
  ])('type %i %s', (base, text, json) => {
    expect(valueJson({ base, element: 0 }, text)).toBe(json)
  })

  it('makes arrays of arrays, quotes and nulls', () => {
    expect(valueJson({ base: 1009, element: 25 }, '{a,"b,\\"c\\"",NULL,"NULL",""}')).toBe(
      '["a","b,\\"c\\"",null,"NULL",""]',
    )
    expect(valueJson({ base: 1007, element: 23 }, '{{1,2},{3,4}}')).toBe('[[1,2],[3,4]]')
    expect(valueJson({ base: 1007, element: 23 }, '{}')).toBe('[]')
    expect(valueJson({ base: 3807, element: 3802 }, '{"{\\"a\\": 1}"}')).toBe('[{"a": 1}]')
  })
})
