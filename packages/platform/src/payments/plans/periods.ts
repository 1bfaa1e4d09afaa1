export type PeriodUnit = 'day' | 'week' | 'month' | 'year'

export interface Period {
  readonly unit: PeriodUnit
  readonly units: number
}

const dayMilliseconds = 86_400_000

/**
 * The end of the n-th period after an anchor, in UTC. Months and years keep the anchor's day, or the last day of a month that
 * is too short: after 31 January come 28 February and 31 March.
 */
export function periodEnd(anchor: Date, { unit, units }: Period, n: number): Date {
  const count = units * n
  if (unit === 'day' || unit === 'week')
    return new Date(anchor.getTime() + count * (unit === 'week' ? 7 : 1) * dayMilliseconds)
  const months = anchor.getUTCFullYear() * 12 + anchor.getUTCMonth() + count * (unit === 'year' ? 12 : 1)
  const [year, month] = [Math.floor(months / 12), months % 12]
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const end = new Date(anchor)
  end.setUTCFullYear(year, month, Math.min(anchor.getUTCDate(), lastDay))
  return end
}

/** The first end of a period, counted from the anchor, that is later than an instant. */
export function periodEndAfter(anchor: Date, period: Period, instant: Date): Date {
  for (let n = 1; ; n += 1) {
    const end = periodEnd(anchor, period, n)
    if (end > instant) return end
  }
}
