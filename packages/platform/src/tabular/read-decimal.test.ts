import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readDecimal } from './read-decimal.ts'

it.each([
  ['1.50', '1.50', undefined, '1.50'],
  ['1,50', undefined, '1.50', '1.50'],
  ['-1,5', undefined, '-1.5', '-1.5'],
  ['+3', '3', '3', '3'],
  [' 7 ', '7', '7', '7'],
  ['1,234', '1234', '1.234', undefined],
  ['1.234', '1.234', '1234', '1.234'],
  ['1,2345', undefined, '1.2345', '1.2345'],
  ['1,234.50', '1234.50', undefined, undefined],
  ['1.234,50', undefined, '1234.50', undefined],
  ['1 234,50', undefined, '1234.50', undefined],
  ['12\u202f345\u202f678,9', undefined, '12345678.9', undefined],
  ['1,23,456', undefined, undefined, undefined],
  ['1,5,6', undefined, undefined, undefined],
  ['', undefined, undefined, undefined],
  ['1e3', undefined, undefined, undefined],
  ['--1', undefined, undefined, undefined],
  ['0x10', undefined, undefined, undefined],
  ['1\n', '1', '1', '1'],
  ['9'.repeat(61), undefined, undefined, undefined],
])('%j is %s with a point, %s with a comma, %s with either', (text, point, comma, either) => {
  expect([readDecimal(text, 'point'), readDecimal(text, 'comma'), readDecimal(text, 'either')]).toEqual([
    point,
    comma,
    either,
  ])
})

it('never gives two values to one text: either agrees with point or with comma, whichever reads it', () => {
  const text = fc.stringMatching(/^-?[0-9]{1,6}[.,]?[0-9]{0,6}$/)
  fc.assert(
    fc.property(text, (written) => {
      const read = readDecimal(written, 'either')
      if (read === undefined) return
      const others = [readDecimal(written, 'point'), readDecimal(written, 'comma')]
      expect(others).toContain(read)
    }),
    { seed: 4 },
  )
})
