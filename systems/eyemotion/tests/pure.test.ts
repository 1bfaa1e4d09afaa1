import { describe, expect, it } from 'vitest'
import { linesWithVat, vatOf } from '../payments/vat.ts'
import { timecodeOf } from '../timecode.ts'

describe('VAT that a price includes', () => {
  it.each([
    [29_900, 1_956],
    [99_900, 6_536],
    [299_900, 19_620],
    [50, 3],
    [1, 0],
  ])('of %i satang is %i', (amount, vat) => {
    expect(vatOf(amount)).toBe(vat)
    expect(linesWithVat('credits', amount).reduce((sum, line) => sum + line.amount, 0)).toBe(amount)
  })
})

describe('timecode', () => {
  it.each([
    [0, 24, '00:00:00:00'],
    [24 * 61 + 5, 24, '00:01:01:05'],
    [30, 29.97, '00:00:01:00'],
    [90_000 * 25, 25, '25:00:00:00'],
  ])('of frame %i at %f frames a second is %s', (frame, fps, code) => {
    expect(timecodeOf(frame, fps)).toBe(code)
  })
  it('is unknown while the frames of a second are', () => expect(timecodeOf(5, null)).toBeNull())
})
