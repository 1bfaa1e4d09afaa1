import { type ScopedDatabase, sql } from '@plinth/platform/database'
import type { Notifications } from '@plinth/platform/notifications'
import { z } from 'zod'
import type { BookingLinks } from '../capabilities/booking-links.ts'
import { appointmentOf, type ToldBooking, variablesOf } from '../messages/tell-booking.ts'
import { defineJob } from '../uses.ts'

type Kind = 'requested' | 'confirmed' | 'moved' | 'cancelled' | 'expired' | 'completed' | 'noShow'

/** What its client is told of an event; of the rest nothing. */
const templateOf: Partial<Record<Kind, string>> = {
  requested: 'booking-requested',
  confirmed: 'booking-confirmation',
  moved: 'booking-moved',
  cancelled: 'booking-cancelled',
  expired: 'booking-cancelled',
}

interface Told {
  readonly kind: Kind
  readonly was: string | null
  readonly booking: ToldBooking
  /** Admins, and who of the staff does it. */
  readonly staff: readonly string[]
  readonly push: boolean
}

/** Tells client and staff what became of a booking: once for each event, however often the job runs. */
export const tellBooking = defineJob({
  name: 'tell-booking',
  summary: 'Tells people what became of a booking.',
  payload: z.object({ event: z.coerce.string() }),
  concurrency: 4,
  run: async ({ db, notifications, links }, { event }) => {
    const told = await readEvent(db, event)
    if (!told) return
    await tellClient(notifications, links, told, event)
    await tellStaff(notifications, links, told, event)
  },
})

async function readEvent(db: ScopedDatabase, event: string): Promise<Told | undefined> {
  const { rows } = await db.query<Told>(sql`
    select e.kind, to_json(e.was) #>> '{}' as was, to_jsonb(b) as booking, plinth.flag('enablePushNotifications') as push,
      array(select u.id::text from public.users u where u."isActive" and (u.role = 'admin' or u.id = (
        select r."userId" from public.resources r where r.id = b."resourceId")) order by u.id limit 50) as staff
    from private.booking_events e join public.bookings b on b.id = e."bookingId" where e.id = ${event}`)
  return rows[0]
}

async function tellClient(notifications: Notifications, links: BookingLinks, told: Told, event: string) {
  const { kind, was, booking, push } = told
  const template = templateOf[kind]
  const { customerId: person, clientEmail: email } = booking
  if (!template || (person === null && !email)) return
  const link = links.urlOf(booking.id)
  await notifications.send({
    to: person === null ? { email: email! } : { person },
    channels: person === null ? ['email'] : push ? ['email', 'in_app', 'push'] : ['email', 'in_app'],
    template,
    variables: variablesOf(booking, link, kind === 'moved' ? was : null),
    dedupeKey: `booking/${event}`,
    ...(kind === 'requested' ? {} : { calendar: appointmentOf(booking, links.projectUrl, link) }),
  })
}

async function tellStaff(notifications: Notifications, links: BookingLinks, told: Told, event: string) {
  const { kind, booking, staff } = told
  if (kind === 'completed' || kind === 'noShow' || staff.length === 0) return
  const variables = { ...variablesOf(booking, links.urlOf(booking.id)), event: kind }
  await notifications.sendMany(
    staff.map((person) => ({
      to: { person },
      channels: kind === 'requested' || kind === 'confirmed' ? ['email', 'in_app'] : ['in_app'],
      template: 'booking-notice',
      variables,
      dedupeKey: `booking/${event}/${person}`,
    })),
    `booking/${event}`,
  )
}
