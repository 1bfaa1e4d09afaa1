/** What is left of a period that was paid for. */
export interface Remainder {
  readonly start: Date
  readonly end: Date
  readonly now: Date
}

/**
 * What a change to a dearer price costs for the rest of a period, in minor units: the new price's share of the time that is
 * left, less the old price's, each rounded half up. Never less than nothing: a cheaper price gives nothing back.
 */
export function prorate(oldAmount: number, newAmount: number, { start, end, now }: Remainder): number {
  const whole = BigInt(end.getTime() - start.getTime())
  const left = BigInt(Math.min(Math.max(end.getTime() - now.getTime(), 0), end.getTime() - start.getTime()))
  const share = (amount: number) => (BigInt(amount) * left * 2n + whole) / (whole * 2n)
  const due = share(newAmount) - share(oldAmount)
  return due > 0n ? Number(due) : 0
}
