import { Temporal } from 'temporal-polyfill'

/** A time from an instant up to another one, milliseconds since 1970 UTC; the end is outside. */
export interface Span {
  readonly from: number
  readonly until: number
}

/** A time in which the clocks of a zone are as many milliseconds ahead of UTC. */
export interface OffsetSpan extends Span {
  readonly offset: number
}

export const minute = 60_000
export const day = 86_400_000

/** Zones times years that are remembered: a year has a few spans. */
const memory = 4_000
const known = new Map<string, readonly OffsetSpan[]>()

/** True for the name of an IANA zone; an offset is none, because it does not follow the law. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z]+$|\//.test(name)) return false
  try {
    Temporal.PlainDateTime.from('2000-01-01').toZonedDateTime(name)
    return true
  } catch {
    return false
  }
}

/** The offsets of a zone from an instant up to another, in order and without gaps. */
export function offsetsOf(zone: string, { from, until }: Span): OffsetSpan[] {
  const spans: OffsetSpan[] = []
  const lastYear = new Date(until - 1).getUTCFullYear()
  for (let year = new Date(from).getUTCFullYear(); year <= lastYear; year += 1)
    for (const span of offsetsOfYear(zone, year)) {
      const clipped = {
        from: Math.max(span.from, from),
        until: Math.min(span.until, until),
        offset: span.offset,
      }
      const last = spans.at(-1)
      if (clipped.from >= clipped.until) continue
      if (last?.offset === span.offset) spans[spans.length - 1] = { ...last, until: clipped.until }
      else spans.push(clipped)
    }
  return spans
}

function offsetsOfYear(zone: string, year: number): readonly OffsetSpan[] {
  const key = `${zone} ${year}`
  const found = known.get(key)
  if (found) return found
  const spans: OffsetSpan[] = []
  const end = Date.UTC(year + 1, 0)
  let at = Temporal.Instant.fromEpochMilliseconds(Date.UTC(year, 0)).toZonedDateTimeISO(zone)
  while (at.epochMilliseconds < end) {
    const next = at.getTimeZoneTransition('next')
    const until = Math.min(next?.epochMilliseconds ?? end, end)
    spans.push({ from: at.epochMilliseconds, until, offset: at.offsetNanoseconds / 1_000_000 })
    if (!next || until === end) break
    at = next
  }
  if (known.size >= memory) known.clear()
  known.set(key, spans)
  return spans
}

/** What the wall clock of a zone shows at an instant, with its offset: `2026-03-29T09:00:00+02:00`. */
export function wallClock(zone: string, at: number): string {
  const { offset } = offsetsOf(zone, { from: at, until: at + 1 })[0]!
  const minutes = Math.abs(Math.round(offset / minute))
  const two = (number: number) => String(number).padStart(2, '0')
  const sign = offset < 0 ? '-' : '+'
  return `${new Date(at + offset).toISOString().slice(0, 19)}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** The instant at which a wall clock shows a time that carries no offset; of two the first, of none the one right after. */
export const instantOf = (zone: string, wall: string): number =>
  Temporal.PlainDateTime.from(wall).toZonedDateTime(zone).epochMilliseconds

/** The same wall-clock time so many days, weeks or months later; a month that has no such day has its last one. */
export function repeatAfter(
  zone: string,
  at: number,
  unit: 'days' | 'weeks' | 'months',
  count: number,
): number {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  return local.add({ [unit]: count }).epochMilliseconds
}
