import { day, minute, offsetsOf, type Span } from './zone-clock.ts'

/** Open while the wall clock shows `opens` ≤ time < `closes`; minutes of the day. */
export interface Hours {
  readonly opens: number
  readonly closes: number
}

export interface OpeningHours {
  /** IANA zone of the wall clock. */
  readonly zone: string
  /** Of each weekday, 1 is Monday. */
  readonly weekly: readonly (Hours & { readonly weekday: number })[]
  /** By date, `2026-12-24`: these hours in place of those of the weekday and of a holiday; none: closed. */
  readonly overrides: ReadonlyMap<string, readonly Hours[]>
  /** Dates that are closed unless an override says otherwise. */
  readonly holidays: ReadonlySet<string>
}

/** A part of an opening in which the clocks do not change. */
export interface Opening extends Span {
  /** The instant of the opening by this clock, from which slots are counted; before `from` where the opening was cut. */
  readonly anchor: number
}

/**
 * When it is open within a time: exactly the instants at which the wall clock shows an hour that is open. So an hour that a
 * change of the clock skips is not there, and one that it repeats is open twice.
 */
export function openingsOf(hours: OpeningHours, within: Span): Opening[] {
  const openings: Opening[] = []
  for (const { from, until, offset } of offsetsOf(hours.zone, within)) {
    const lastDay = Math.floor((until + offset - 1) / day)
    for (let number = Math.floor((from + offset) / day); number <= lastDay; number += 1)
      for (const { opens, closes } of hoursOf(hours, number)) {
        const midnight = number * day - offset
        const anchor = midnight + opens * minute
        const start = Math.max(anchor, from)
        const end = Math.min(midnight + closes * minute, until)
        if (start < end) openings.push({ from: start, until: end, anchor })
      }
  }
  return openings
}

/** `number`: days since 1970-01-01, a Thursday. */
function hoursOf({ weekly, overrides, holidays }: OpeningHours, number: number): readonly Hours[] {
  const date = new Date(number * day).toISOString().slice(0, 10)
  const override = overrides.get(date)
  if (override) return override
  if (holidays.has(date)) return []
  const weekday = ((((number + 3) % 7) + 7) % 7) + 1
  return weekly.filter((hours) => hours.weekday === weekday)
}

/** Spans in order, with those that touch or overlap as one. */
export function joined(spans: readonly Span[]): Span[] {
  const result: { from: number; until: number }[] = []
  for (const { from, until } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last && from <= last.until) last.until = Math.max(last.until, until)
    else result.push({ from, until })
  }
  return result
}
