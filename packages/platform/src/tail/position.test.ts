import { expect, test } from 'vitest'
import { comparePositions, formatPosition, parsePosition } from './position.ts'

test.each(['0/0', '0/16B3748', '1/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])(
  '%s survives the way there and back',
  (text) => {
    expect(formatPosition(parsePosition(text))).toBe(text)
  },
)

test('positions compare as numbers, not as text', () => {
  expect(comparePositions('9/0', '10/0')).toBeLessThan(0)
  expect(comparePositions('1/FF', '1/100')).toBeLessThan(0)
  expect(comparePositions('2/0', '1/FFFFFFFF')).toBeGreaterThan(0)
  expect(comparePositions('A/B', 'a/b')).toBe(0)
})
