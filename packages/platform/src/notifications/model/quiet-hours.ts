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
 * The moment from which a message may ring: `now` outside quiet hours, else the first at which the wall clock is outside
 * them: at their end, or where a change of the clock skips it or leaves them. Hours that mean nothing are none.
 */
export function endOfQuiet({ from, until, zone }: QuietHours, now: Date): Date {
  if (!isTime(from) || !isTime(until) || from === until || !isZone(zone)) return now
  const [start, end] = [Temporal.PlainTime.from(from), Temporal.PlainTime.from(until)]
  let moment = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone)
  while (isWithin(moment.toPlainTime(), start, end)) {
    const reached = moment.add(untilTime(moment.toPlainTime(), end))
    const change = moment.getTimeZoneTransition('next')
    moment = change && Temporal.ZonedDateTime.compare(change, reached) < 0 ? change : reached
  }
  return new Date(moment.epochMilliseconds)
}

function isWithin(time: Temporal.PlainTime, start: Temporal.PlainTime, end: Temporal.PlainTime): boolean {
  const [afterStart, beforeEnd] = [
    Temporal.PlainTime.compare(time, start) >= 0,
    Temporal.PlainTime.compare(time, end) < 0,
  ]
  return Temporal.PlainTime.compare(start, end) < 0 ? afterStart && beforeEnd : afterStart || beforeEnd
}

/** How long it takes until the wall clock shows `end`, if nobody changes it. */
function untilTime(time: Temporal.PlainTime, end: Temporal.PlainTime): Temporal.Duration {
  const duration = time.until(end, { largestUnit: 'hour' })
  return duration.sign < 0 ? duration.add({ hours: 24 }) : duration
}
