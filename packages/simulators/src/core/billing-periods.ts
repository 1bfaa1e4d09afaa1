/** How often something is billed. */
export interface Cadence {
  readonly interval: string
  readonly interval_count: number
}

const day = 86_400

/** The first end of a period after `after`, counted from the anchor. All in seconds; months keep the anchor's day. */
export function periodEndAfter(after: number, anchor: number, cadence: Cadence): number {
  for (let count = Math.max(0, Math.floor((after - anchor) / longest(cadence)) - 1); ; count += 1) {
    const end = addPeriods(anchor, cadence, count)
    if (end > after) return end
  }
}

/** An anchor and `count` periods: the 31st of January and a month is the last day of February. */
function addPeriods(anchor: number, { interval, interval_count: every }: Cadence, count: number): number {
  if (interval === 'day') return anchor + count * every * day
  if (interval === 'week') return anchor + count * every * 7 * day
  return addMonths(anchor, count * every * (interval === 'year' ? 12 : 1))
}

export function addMonths(at: number, months: number): number {
  const from = new Date(at * 1000)
  const first = new Date(from)
  first.setUTCDate(1)
  first.setUTCMonth(first.getUTCMonth() + months)
  const daysInMonth = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  first.setUTCDate(Math.min(from.getUTCDate(), daysInMonth))
  return Math.floor(first.getTime() / 1000)
}

/** Longest that one period may be, in seconds. */
const longest = ({ interval, interval_count: every }: Cadence): number =>
  ({ day, week: 7 * day, month: 31 * day, year: 366 * day })[interval]! * every

/** The share of `amount` (minor units) for what is left of a period, to the second; rounded half away from zero. */
export function prorate(
  amount: number,
  period: { readonly start: number; readonly end: number },
  at: number,
): number {
  const share = (period.end - Math.min(Math.max(at, period.start), period.end)) / (period.end - period.start)
  return Math.sign(amount) * Math.round(Math.abs(amount) * share)
}
