import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PeriodUnit, periodEnd, periodEndAfter } from './periods.ts'
import { prorate } from './prorate.ts'
import { nextStatus, subscriptionEvents, subscriptionStates } from './subscription-states.ts'

const day = (text: string) => new Date(`${text}T10:30:00Z`)

describe('a period', () => {
  it.each([
    ['2026-01-31', 'month', 1, 1, '2026-02-28'],
    ['2026-01-31', 'month', 1, 2, '2026-03-31'],
    ['2027-11-30', 'month', 1, 3, '2028-02-29'],
    ['2026-08-31', 'month', 6, 1, '2027-02-28'],
    ['2028-02-29', 'year', 1, 1, '2029-02-28'],
    ['2028-02-29', 'year', 1, 4, '2032-02-29'],
    ['2026-12-31', 'month', 1, 1, '2027-01-31'],
    ['2026-03-28', 'week', 2, 1, '2026-04-11'],
    ['2026-03-28', 'day', 30, 1, '2026-04-27'],
  ] as const)('from %s by %s × %i: end %i is %s', (anchor, unit, units, n, end) => {
    expect(periodEnd(day(anchor), { unit, units }, n)).toEqual(day(end))
  })

  it('is followed by the next one without gap or overlap, whatever the anchor', () => {
    const anchors = fc.date({ min: day('2020-01-01'), max: day('2030-01-01'), noInvalidDate: true })
    const units = fc.constantFrom<PeriodUnit>('day', 'week', 'month', 'year')
    fc.assert(
      fc.property(anchors, units, fc.integer({ min: 1, max: 6 }), (anchor, unit, count) => {
        const period = { unit, units: count }
        const ends = [0, 1, 2, 3, 4, 5].map((n) => periodEnd(anchor, period, n))
        for (const [n, end] of ends.slice(1).entries()) {
          expect(end > ends[n]!).toBe(true)
          expect(periodEndAfter(anchor, period, ends[n]!)).toEqual(end)
          expect(periodEndAfter(anchor, period, new Date(end.getTime() - 1))).toEqual(end)
        }
      }),
      { numRuns: 100, seed: 5 },
    )
  })
})

describe('a change of plans', () => {
  const month = { start: day('2026-04-01'), end: day('2026-05-01') }

  it('costs the difference for the days that are left', () => {
    expect(prorate(29_900, 99_900, { ...month, now: day('2026-04-16') })).toBe(35_000)
    expect(prorate(29_900, 99_900, { ...month, now: month.start })).toBe(70_000)
    expect(prorate(29_900, 99_900, { ...month, now: month.end })).toBe(0)
    expect(prorate(99_900, 29_900, { ...month, now: day('2026-04-16') })).toBe(0)
    expect(prorate(0, 99_900, { ...month, now: day('2026-06-16') })).toBe(0)
  })

  it('costs the same in steps as at once, but for a unit of rounding each', () => {
    const amounts = fc.nat(10_000_000)
    const instants = fc.date({ min: month.start, max: month.end, noInvalidDate: true })
    fc.assert(
      fc.property(fc.tuple(amounts, amounts, amounts), instants, (prices, now) => {
        const [low, middle, high] = prices.toSorted((a, b) => a - b) as [number, number, number]
        const at = { ...month, now }
        const steps = prorate(low, middle, at) + prorate(middle, high, at)
        expect(Math.abs(steps - prorate(low, high, at))).toBeLessThanOrEqual(1)
      }),
      { numRuns: 200, seed: 20 },
    )
  })
})

describe('the states of a subscription', () => {
  it('are a total table', () => {
    for (const state of subscriptionStates)
      for (const event of subscriptionEvents)
        expect([...subscriptionStates, null]).toContain(nextStatus(state, event))
  })

  it('end for good, and only what was never paid goes back to nothing', () => {
    for (const event of subscriptionEvents) {
      expect(nextStatus('cancelled', event)).toBeNull()
      expect(nextStatus('expired', event)).toBeNull()
    }
    expect(nextStatus('active', 'unpaid')).toBe('past_due')
    expect(nextStatus('past_due', 'paid')).toBe('active')
    expect(nextStatus('past_due', 'given_up')).toBe('expired')
    expect(nextStatus('pending_approval', 'paid')).toBeNull()
  })
})
