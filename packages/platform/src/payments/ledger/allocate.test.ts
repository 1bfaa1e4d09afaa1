import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate } from './allocate.ts'

const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n)
const amounts = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n })
const weights = fc
  .array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 12 })
  .filter((values) => sum(values) > 0n)

describe('allocate', () => {
  it.each([
    [100n, [1n, 1n, 1n], [33n, 33n, 34n]],
    [-100n, [1n, 1n, 1n], [-33n, -33n, -34n]],
    [0n, [3n, 7n], [0n, 0n]],
    [1n, [0n, 1n, 0n], [0n, 1n, 0n]],
    [9_999n, [8_403n, 1_596n], [8_403n, 1_596n]],
  ])('splits %s by %s', (amount, shares, parts) => {
    expect(allocate(amount, shares)).toEqual(parts)
  })

  it('sums to the amount, and each part is within one of its exact share', () => {
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        const parts = allocate(amount, shares)
        expect(sum(parts)).toBe(amount)
        const total = sum(shares)
        for (const [n, part] of parts.entries()) {
          const off = part * total - amount * shares[n]!
          expect(off < total && off > -total).toBe(true)
        }
      }),
      { numRuns: 300, seed: 21 },
    )
  })

  // AT-21: whatever the steps, what remains of each line after a full refund is nothing.
  it('of what is left after any partial refunds ends at zero in every line', () => {
    fc.assert(
      fc.property(weights, fc.array(fc.nat(100), { maxLength: 10 }), (lines, steps) => {
        const captured = sum(lines)
        const balances = lines.map(() => 0n)
        const bring = (net: bigint) => {
          for (const [n, part] of allocate(net, lines).entries()) balances[n] = part
        }
        let left = captured
        bring(left)
        expect(balances).toEqual(lines)
        for (const step of steps) {
          left -= (left * BigInt(step)) / 100n
          bring(left)
          expect(sum(balances)).toBe(left)
        }
        bring(0n)
        expect(balances.every((balance) => balance === 0n)).toBe(true)
      }),
      { numRuns: 100, seed: 21 },
    )
  })
})
