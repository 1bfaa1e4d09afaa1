import { Temporal } from 'temporal-polyfill'

/** Hours of every day, by the wall clock of a zone, in which nothing rings: from 22:00 until 07:00. */
export interface QuietHours {
  /** `22:00` or `22:00:00`. */
  readonly from: string
  readonly until: string
  /** IANA zone. */
  readonly zone: string
}

/** True for a name of the IANA list that this runtime knows; offsets and abbreviations know nothing of daylight saving. */
export function isZone(zone: string): boolean {
  if (zone !== 'UTC' && !/^[A-Z][A-Za-z_+-]+(\/[A-Za-z0-9_+-]+)+$/.test(zone)) return false
  try {
    Temporal.Now.instant().toZonedDateTimeISO(zone)
    return true
  } catch {
    return false
  }
}

const isTime = (text: string): boolean => /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$/.test(text)

/**
 * The moment from which a message may ring: `now` outside quiet hours, else their end. On the day that the clock changes,
 * the end is where the wall clock first shows it or has passed it. Hours that mean nothing are none.
 */
export function endOfQuiet({ from, until, zone }: QuietHours, now: Date): Date {
  if (!isTime(from) || !isTime(until) || from === until || !isZone(zone)) return now
  const [start, end] = [Temporal.PlainTime.from(from), Temporal.PlainTime.from(until)]
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone)
  if (!isWithin(local.toPlainTime(), start, end)) return now
  const endsToday = Temporal.PlainTime.compare(local.toPlainTime(), end) < 0
  const day = local.toPlainDate().add({ days: endsToday ? 0 : 1 })
  return firstAtOrAfter(day, end, zone, now)
}

function isWithin(time: Temporal.PlainTime, start: Temporal.PlainTime, end: Temporal.PlainTime): boolean {
  const [afterStart, beforeEnd] = [
    Temporal.PlainTime.compare(time, start) >= 0,
    Temporal.PlainTime.compare(time, end) < 0,
  ]
  return Temporal.PlainTime.compare(start, end) < 0 ? afterStart && beforeEnd : afterStart || beforeEnd
}

/** A wall-clock time that is repeated counts the first time that lies ahead; one that is skipped, where the clock lands. */
function firstAtOrAfter(day: Temporal.PlainDate, time: Temporal.PlainTime, zone: string, now: Date): Date {
  const wanted = day.toPlainDateTime(time)
  for (const disambiguation of ['earlier', 'later'] as const) {
    const found = wanted.toZonedDateTime(zone, { disambiguation })
    // In a gap, `earlier` is before it: the wall clock does not show the time yet.
    const shows = Temporal.PlainDateTime.compare(found.toPlainDateTime(), wanted) >= 0
    if (shows && found.epochMilliseconds > now.getTime()) return startOfGap(found, wanted)
  }
  return new Date(wanted.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds)
}

/** Where a gap swallowed the time, the moment right after the gap. */
function startOfGap(found: Temporal.ZonedDateTime, wanted: Temporal.PlainDateTime): Date {
  const isSkipped = Temporal.PlainDateTime.compare(found.toPlainDateTime(), wanted) > 0
  const transition = isSkipped ? found.getTimeZoneTransition('previous') : null
  return new Date((transition ?? found).epochMilliseconds)
}
