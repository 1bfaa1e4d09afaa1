import { Temporal } from 'temporal-polyfill'
import { tabularErrors } from './errors.ts'

/** An instant as ISO text in UTC, and what had to be decided to get it. */
export interface ReadTime {
  readonly instant: string
  /** Set when the wall clock showed this time never (`skipped`) or twice (`repeated`). */
  readonly odd?: 'skipped' | 'repeated'
}

/** Reads times as the shop's wall clock showed them; undefined for text that is no time. */
export type TimeReader = (text: string) => ReadTime | undefined

const shape = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/

/** Distinct minutes of a busy year; more would be a memory for its own sake. */
const memory = 50_000
/** Longer text is no time, or one with many blanks. */
const longest = 40

/**
 * A reader of `YYYY-MM-DD HH:MM[:SS]`, with or without an offset; without one it is the wall clock of `zone`.
 * A time that the change to summer time skips is moved forward by the hour that is missing; one that the change
 * back repeats is taken the first time (RFC 5545, Temporal's `compatible`). Fails with `import_unknown_zone`.
 */
export function createTimeReader(zone: string): TimeReader {
  requireZone(zone)
  const known = new Map<string, ReadTime | undefined>()
  return (text) => {
    if (text.length > longest) return readTime(text.trim(), zone)
    if (known.has(text)) return known.get(text)
    const time = readTime(text.trim(), zone)
    if (known.size >= memory) known.clear()
    known.set(text, time)
    return time
  }
}

function requireZone(zone: string): void {
  try {
    if (!/^[A-Za-z]/.test(zone)) throw new RangeError('an offset is not a zone')
    Temporal.PlainDateTime.from('2000-01-01').toZonedDateTime(zone)
  } catch (error) {
    throw tabularErrors.import_unknown_zone({ zone }, error)
  }
}

function readTime(text: string, zone: string): ReadTime | undefined {
  const match = shape.exec(text)
  if (!match) return undefined
  const [, date, time, offset] = match
  try {
    if (offset) return { instant: withOffset(`${date}T${time}`, offset) }
    return onWallClock(Temporal.PlainDateTime.from(`${date}T${time}`), zone)
  } catch {
    return undefined
  }
}

function withOffset(dateTime: string, offset: string): string {
  const sign = offset === 'UTC' ? 'Z' : offset
  return Temporal.Instant.from(`${dateTime}${sign}`).toString()
}

function onWallClock(dateTime: Temporal.PlainDateTime, zone: string): ReadTime {
  const at = (disambiguation: 'earlier' | 'later' | 'compatible') =>
    dateTime.toZonedDateTime(zone, { disambiguation })
  const chosen = at('compatible')
  const instant = chosen.toInstant().toString()
  if (at('earlier').equals(at('later'))) return { instant }
  return { instant, odd: chosen.toPlainDateTime().equals(dateTime) ? 'repeated' : 'skipped' }
}
