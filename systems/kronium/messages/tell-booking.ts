import { wallClock } from '../availability/zone-clock.ts'

/** A booking as messages and calendars need it; `date` and `endsAt` are ISO 8601. */
export interface ToldBooking {
  readonly id: string
  readonly serviceName: string
  readonly clientName: string
  readonly clientEmail: string | null
  readonly date: string
  readonly endsAt: string
  readonly timezone: string
  readonly status: string
  readonly price: number | null
  readonly currency: string
  readonly location: string | null
  readonly customerId: string | null
  readonly sequence: number
  readonly cancelReason: string | null
}

/** An instant in words of the reader's clock, with its zone: `Monday, 1 June 2026 at 09:00 (Europe/London)`. */
function sayTime(at: string, zone: string): string {
  const clock = wallClock(zone, Date.parse(at))
  const day = new Date(`${clock.slice(0, 10)}T00:00:00Z`).toLocaleDateString('en-GB', {
    timeZone: 'UTC',
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  })
  return `${day} at ${clock.slice(11, 16)} (${zone})`
}

/** What a template about a booking says. */
export const variablesOf = (booking: ToldBooking, link: string, was: string | null = null) => ({
  name: booking.clientName,
  service: booking.serviceName,
  when: sayTime(booking.date, booking.timezone),
  ...(was === null ? {} : { was: sayTime(was, booking.timezone) }),
  ...(booking.location ? { location: booking.location } : {}),
  price: `${(booking.price ?? 0).toFixed(2)} ${booking.currency}`,
  ...(booking.cancelReason ? { reason: booking.cancelReason } : {}),
  link,
})

/** The same for all versions of a booking (RFC 5545, 3.8.4.7), wherever it is told: in mails, feeds and files. */
export const calendarUid = (booking: string, projectUrl: string): string =>
  `booking-${booking}@${new URL(projectUrl).host.replace(/:\d+$/, '')}`

/** The appointment that goes along with a mail. */
export const appointmentOf = (booking: ToldBooking, projectUrl: string, link: string) => ({
  uid: calendarUid(booking.id, projectUrl),
  sequence: booking.sequence,
  start: new Date(booking.date),
  end: new Date(booking.endsAt),
  summary: booking.serviceName.slice(0, 250),
  ...(booking.location ? { location: booking.location.slice(0, 500) } : {}),
  url: link,
  ...(booking.status === 'cancelled' ? { cancelled: true } : { remindMinutes: [60] }),
})
