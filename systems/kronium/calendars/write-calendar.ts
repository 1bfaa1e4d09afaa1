import type { ToldBooking } from '../messages/tell-booking.ts'
import { calendarUid } from '../messages/tell-booking.ts'

export interface CalendarOptions {
  readonly name: string
  readonly projectUrl: string
  readonly now: Date
}

/**
 * Bookings as an iCalendar file (RFC 5545). Times are in UTC, which every calendar shows in its own zone; a booking has the
 * UID of its mails, and a cancelled one says so, because calendars keep what a feed merely leaves out.
 */
export async function writeCalendar(
  bookings: readonly ToldBooking[],
  { name, projectUrl, now }: CalendarOptions,
): Promise<string> {
  const { default: ical, ICalCalendarMethod, ICalEventStatus } = await import('ical-generator')
  const calendar = ical({
    name,
    prodId: '//Plinth//kronium//EN',
    method: ICalCalendarMethod.PUBLISH,
    ttl: 900,
  })
  for (const booking of bookings)
    calendar.createEvent({
      id: calendarUid(booking.id, projectUrl),
      sequence: booking.sequence,
      stamp: now,
      start: new Date(booking.date),
      end: new Date(booking.endsAt),
      summary:
        booking.clientName === '' ? booking.serviceName : `${booking.serviceName}: ${booking.clientName}`,
      location: booking.location,
      status: booking.status === 'cancelled' ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
    })
  return calendar.toString()
}
