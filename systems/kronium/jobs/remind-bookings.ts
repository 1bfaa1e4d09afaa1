import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { appointmentOf, type ToldBooking, variablesOf } from '../messages/tell-booking.ts'
import { defineJob } from '../uses.ts'

/** Reminds clients of what they have booked, once for each time that it was moved to. */
export const remindBookings = defineJob({
  name: 'remind-bookings',
  summary: 'Reminds clients of bookings that begin within a day.',
  schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({ hours: z.number().int().min(1).max(168).default(24) }),
  concurrency: 1,
  run: async ({ db, notifications, links, clock }, { hours }) => {
    const { rows } = await db.query<{ booking: ToldBooking }>(
      sql`select b as booking from private.due_reminders(${clock.now()}, ${hours}) b`,
    )
    const messages = rows.flatMap(({ booking }) => {
      const { customerId: person, clientEmail: email } = booking
      if (person === null && !email) return []
      const link = links.urlOf(booking.id)
      return [
        {
          to: person === null ? { email: email! } : { person },
          channels: person === null ? (['email'] as const) : (['email', 'in_app'] as const),
          template: 'booking-reminder',
          variables: variablesOf(booking, link),
          calendar: appointmentOf(booking, links.projectUrl, link),
          dedupeKey: `reminder/${booking.id}/${booking.sequence}`,
        },
      ]
    })
    for (const message of messages) await notifications.send({ ...message, channels: [...message.channels] })
  },
})
