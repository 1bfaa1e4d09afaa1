import { sql } from '@plinth/platform/database'
import { reply, sendFile } from '@plinth/platform/routes'
import { z } from 'zod'
import { writeCalendar } from '../calendars/write-calendar.ts'
import { kroniumErrors } from '../errors.ts'
import type { ToldBooking } from '../messages/tell-booking.ts'
import { readRow } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const ics = 'text/calendar; charset=utf-8'

export const bookingFile = defineRoute({
  method: 'GET',
  path: '/bookings/:id/calendar',
  summary: 'A booking as .ics; a calendar that has it takes the newer version.',
  access: 'user',
  params: z.object({ id: z.uuid() }),
  responses: { 200: ics },
  handle: async ({ db, clock, links }, { params: { id } }) => {
    const { row } = await readRow(db, 'bookings', id, kroniumErrors.unknown_booking)
    const file = await writeCalendar([row as ToldBooking], {
      name: 'Booking',
      projectUrl: links.projectUrl,
      now: clock.now(),
    })
    return sendFile(file, { type: ics, name: 'booking.ics' })
  },
})

export const makeFeed = defineRoute({
  method: 'POST',
  path: '/calendar/feeds',
  summary: 'An address under which a calendar follows the caller’s bookings. It is shown this once.',
  access: 'user',
  body: z.object({ name: z.string().max(255).default('') }),
  responses: { 201: z.object({ id: z.uuid(), name: z.string(), url: z.string() }) },
  handle: async ({ db, links }, { body: { name } }) => {
    const { rows } = await db.query<{ feed: { id: string; name: string; token: string } }>(
      sql`select public.make_calendar_feed(${name}) as feed`,
    )
    const { id, name: given, token } = rows[0]!.feed
    return reply(201, { id, name: given, url: `${links.projectUrl}/calendar/${token}.ics` })
  },
})

export const revokeFeed = defineRoute({
  method: 'DELETE',
  path: '/calendar/feeds/:id',
  summary: 'Makes an address of the caller’s dead.',
  access: 'user',
  params: z.object({ id: z.uuid() }),
  responses: { 204: null },
  handle: async ({ db }, { params: { id } }) => {
    await db.query(
      sql`update public.calendar_feeds set "revokedAt" = plinth.now() where id = ${id} and "revokedAt" is null`,
    )
    return undefined
  },
})

export const readFeed = defineRoute({
  method: 'GET',
  path: '/calendar/:file',
  summary: 'The bookings behind a calendar address.',
  access: 'public',
  limit: { calls: 120, seconds: 60, per: 'address' },
  params: z.object({ file: z.string().regex(/^[\w-]{32}\.ics$/) }),
  responses: { 200: ics },
  handle: async ({ asService, clock, links }, { params: { file } }) => {
    const service = asService('whoever has the address of a calendar reads it')
    const { rows } = await service.query<{ feed: { name: string; bookings: ToldBooking[] } | null }>(
      sql`select private.feed_of(${file.slice(0, -4)}) as feed`,
    )
    const feed = rows[0]?.feed
    if (!feed) throw kroniumErrors.link_invalid()
    const text = await writeCalendar(feed.bookings, {
      name: feed.name,
      projectUrl: links.projectUrl,
      now: clock.now(),
    })
    return sendFile(text, {
      type: ics,
      name: 'bookings.ics',
      headers: { 'cache-control': 'private, max-age=300' },
    })
  },
})
