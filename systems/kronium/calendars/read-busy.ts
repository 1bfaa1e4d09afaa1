import { joined } from '../availability/open-times.ts'
import type { Span } from '../availability/zone-clock.ts'
import { instantOf, isZone } from '../availability/zone-clock.ts'

/** Occurrences of one event, and of a whole file, that are looked at; what asks for more is cut. */
const mostOccurrences = { event: 20_000, file: 200_000 }
/** Events of a calendar that are read. */
const mostEvents = 20_000

/**
 * The busy times of an iCalendar file within a time, joined: events that are not cancelled, and not transparent (RFC 5545,
 * 3.8.2.7), with their repetitions, exceptions and changed occurrences. Days without a time, and times without a zone, are
 * those of `zone`. Fails on what is no calendar.
 */
export async function readBusy(text: string, within: Span, zone: string): Promise<Span[]> {
  const { default: ICAL } = await import('ical.js')
  const calendar = new ICAL.Component(ICAL.parse(text))
  if (calendar.name !== 'vcalendar') throw new Error('it is no iCalendar file')
  const timezones = new Set<string>()
  for (const each of calendar.getAllSubcomponents('vtimezone')) {
    const id = String(each.getFirstPropertyValue('tzid'))
    timezones.add(id)
    ICAL.TimezoneService.register(new ICAL.Timezone(each), id)
  }
  try {
    return joined(busyOf(ICAL, calendar.getAllSubcomponents('vevent').slice(0, mostEvents), within, zone))
  } finally {
    // What a stranger's file says of a zone is for that file alone.
    for (const id of timezones) ICAL.TimezoneService.remove(id)
  }
}

type Ical = typeof import('ical.js')['default']
type Component = InstanceType<Ical['Component']>
type Time = InstanceType<Ical['Time']>

function busyOf(ICAL: Ical, components: readonly Component[], within: Span, zone: string): Span[] {
  const busy: Span[] = []
  let left = mostOccurrences.file
  const changed = new Map<string, Component[]>()
  for (const component of components)
    if (component.hasProperty('recurrence-id')) {
      const uid = String(component.getFirstPropertyValue('uid'))
      changed.set(uid, [...(changed.get(uid) ?? []), component])
    }
  const add = (start: Time, end: Time) => {
    const span = { from: instantAt(start, zone), until: instantAt(end, zone) }
    if (span.from < span.until && span.from < within.until && within.from < span.until) busy.push(span)
    return span
  }
  for (const component of components) {
    if (component.hasProperty('recurrence-id') || !component.hasProperty('dtstart')) continue
    const event = new ICAL.Event(component, {
      strictExceptions: false,
      exceptions: changed.get(String(component.getFirstPropertyValue('uid'))) ?? [],
    })
    if (!event.isRecurring()) {
      if (isBusy(component)) add(event.startDate, event.endDate)
      continue
    }
    const occurrences = event.iterator()
    for (let count = 0; count < mostOccurrences.event && left > 0; count += 1) {
      left -= 1
      const next = occurrences.next()
      if (!next || instantAt(next, zone) >= within.until) break
      const { startDate, endDate, item } = event.getOccurrenceDetails(next)
      if (isBusy(item.component)) add(startDate, endDate)
    }
  }
  return busy
}

const isBusy = (component: Component): boolean =>
  String(component.getFirstPropertyValue('status') ?? '').toUpperCase() !== 'CANCELLED' &&
  String(component.getFirstPropertyValue('transp') ?? '').toUpperCase() !== 'TRANSPARENT'

/** The instant of a time: by its zone in the file, by the IANA zone that it names, or else by `zone`. */
function instantAt(time: Time, zone: string): number {
  const named = time.zone?.tzid
  const isFloating = named === undefined || named === 'floating'
  if (!time.isDate && !isFloating) return time.toUnixTime() * 1000
  const two = (number: number) => String(number).padStart(2, '0')
  const wall = `${time.year}-${two(time.month)}-${two(time.day)}T${two(time.hour)}:${two(time.minute)}:${two(time.second)}`
  const given = (time as unknown as { timezone?: string }).timezone
  return instantOf(given !== undefined && isZone(given) ? given : zone, wall)
}
