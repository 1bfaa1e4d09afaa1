/**
 * Splits an amount in proportion to weights (integers, not negative, not all zero): part n is what the first n weights
 * have of it, rounded towards zero, less what the first n − 1 have. Sums to the amount; each part is within one of its
 * exact share. The same as `plinth.allocate` in SQL.
 */
export function allocate(amount: bigint, weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n)
  let before = 0n
  let given = 0n
  return weights.map((weight) => {
    before += weight
    const upto = (amount * before) / total
    const part = upto - given
    given = upto
    return part
  })
}
