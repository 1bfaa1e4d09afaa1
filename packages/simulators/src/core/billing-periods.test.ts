import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addMonths, periodEndAfter, prorate } from './billing-periods.ts'

const at = (text: string) => Date.parse(text) / 1000
const monthly = { interval: 'month', interval_count: 1 }

it.each([
  ['2026-01-31T10:00:00Z', 1, '2026-02-28T10:00:00Z'],
  ['2024-01-31T10:00:00Z', 1, '2024-02-29T10:00:00Z'],
  ['2026-01-31T10:00:00Z', 2, '2026-03-31T10:00:00Z'],
  ['2024-02-29T00:00:00Z', 12, '2025-02-28T00:00:00Z'],
  ['2026-12-15T23:59:59Z', 1, '2027-01-15T23:59:59Z'],
])('%s and %d months is %s', (from, months, to) => {
  expect(addMonths(at(from), months)).toBe(at(to))
})

it('keeps the day of the anchor after a short month', () => {
  const anchor = at('2026-01-31T00:00:00Z')
  const first = periodEndAfter(anchor, anchor, monthly)
  expect(first).toBe(at('2026-02-28T00:00:00Z'))
  expect(periodEndAfter(first, anchor, monthly)).toBe(at('2026-03-31T00:00:00Z'))
})

const cadence = fc.record({
  interval: fc.constantFrom('day', 'week', 'month', 'year'),
  interval_count: fc.integer({ min: 1, max: 6 }),
})

it('tiles time: each period begins where the one before ends, whatever the cadence', () => {
  const anchors = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') })
  fc.assert(
    fc.property(anchors, cadence, fc.integer({ min: 0, max: 400 }), (anchor, every, days) => {
      const inside = anchor + days * 86_400
      const end = periodEndAfter(inside, anchor, every)
      expect(end).toBeGreaterThan(inside)
      // Nothing lies between: who asks again one second before the end has the same end.
      expect(periodEndAfter(end - 1, anchor, every)).toBe(end)
    }),
    { seed: 12, numRuns: 300 },
  )
})

it('prorates to the whole at the beginning, to nothing at the end, and a credit as much as a charge', () => {
  const period = { start: 1000, end: 11_000 }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 20_000 }), (amount, now) => {
      const share = prorate(amount, period, now)
      expect(share).toBeGreaterThanOrEqual(0)
      expect(share).toBeLessThanOrEqual(amount)
      expect(prorate(-amount, period, now) + share).toBe(0)
    }),
    { seed: 12 },
  )
  expect([1000, 6000, 11_000].map((now) => prorate(999, period, now))).toEqual([999, 500, 0])
})
