import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSlidingWindow } from './sliding-window.ts'

const hour = 3_600_000
const open = () => createSlidingWindow(hour, () => new Map())

describe('a sliding window', () => {
  it('lets exactly so many through, and refusals do not count (AT-37)', () => {
    const window = open()
    const taken = Array.from({ length: 5_000 }, () => window.take('a', 1_000, 0))
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(1_000)
    expect(taken.at(-1)).toEqual({ allowed: false, remaining: 0, seconds: 3_610 })
    expect(window.take('a', 1_001, 0)).toMatchObject({ allowed: true, remaining: 0 })
    expect(window.take('b', 1_000, 0)).toMatchObject({ allowed: true, remaining: 999 })
  })

  it('slides: a call gets free when it is older than the window, one after the other', () => {
    const window = open()
    expect(window.take('a', 2, 0).allowed).toBe(true)
    expect(window.take('a', 2, hour / 2).allowed).toBe(true)
    expect(window.take('a', 2, hour).allowed).toBe(false)
    expect(window.take('a', 2, hour + 10_000).allowed).toBe(true)
    expect(window.take('a', 2, hour + 10_000).allowed).toBe(false)
  })

  it('never has more than the limit in any hour, and lets through what a window of whole slices would', () => {
    const runs = process.env.PLINTH_TEST_LONG ? 5_000 : 200
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 200 }),
        (limit, pauses) => {
          const window = open()
          const passed: number[] = []
          let now = 0
          for (const pause of pauses) {
            now += pause
            const slice = Math.floor(now / 10_000)
            const counted = passed.filter((at) => Math.floor(at / 10_000) >= slice - 360).length
            const { allowed, remaining } = window.take('a', limit, now)
            expect(allowed).toBe(counted < limit)
            if (allowed) passed.push(now)
            expect(remaining).toBe(limit - counted - (allowed ? 1 : 0))
            expect(passed.filter((at) => at > now - hour).length).toBeLessThanOrEqual(limit)
          }
        },
      ),
      { seed: 13, numRuns: runs },
    )
  })
})
