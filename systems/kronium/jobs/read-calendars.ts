import { sql } from '@plinth/platform/database'
import { messageOf } from '@plinth/platform/kernel'
import { z } from 'zod'
import { day } from '../availability/zone-clock.ts'
import { defineJob } from '../uses.ts'

/** Asks for every external calendar. */
export const readCalendars = defineJob({
  name: 'read-calendars',
  summary: 'Reads the busy times of all external calendars.',
  schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, queue }) => {
    const { rows } = await db.query<{ id: string }>(
      sql`select id from public.external_calendars order by "fetchedAt" nulls first`,
    )
    for (const { id } of rows) await queue('read-calendar', { calendar: id }, { key: `calendar ${id}` })
  },
})

/** How far ahead busy times are kept. */
const ahead = 400 * day

/** A calendar that cannot be read keeps its last busy times: better a slot too few than one too many. */
export const readCalendar = defineJob({
  name: 'read-calendar',
  summary: 'Reads the busy times of one external calendar.',
  payload: z.object({ calendar: z.uuid() }),
  attempts: 1,
  run: async ({ db, clock, calendars, signal }, { calendar }) => {
    const { rows } = await db.query<{
      url: string
      etag: string | null
      timezone: string
      stale: boolean
    }>(sql`
      select c.url, c.etag, s.timezone, c."fetchedAt" is null or c."fetchedAt" < ${clock.now()}::timestamptz - interval '1 day' as stale
      from public.external_calendars c, public.schedules s where c.id = ${calendar} and s."isDefault"`)
    const [found] = rows
    if (!found) return
    const now = clock.now().getTime()
    const within = { from: now - day, until: now + ahead }
    try {
      // Repetitions come nearer each day, so an unchanged file is read anew once a day.
      const etag = found.stale ? null : found.etag
      const read = await calendars.read({ url: found.url, etag, within, zone: found.timezone, signal })
      if (read) {
        const busy = read.busy.map(({ from, until }) => ({
          startsAt: new Date(from).toISOString(),
          endsAt: new Date(until).toISOString(),
        }))
        await db.query(sql`select private.note_busy(${calendar}, ${JSON.stringify(busy)})`)
      }
      await db.query(sql`
        update public.external_calendars set problem = null, etag = ${read ? (read.etag ?? null) : found.etag},
          "fetchedAt" = case when ${read !== null} then ${clock.now()}::timestamptz else "fetchedAt" end where id = ${calendar}`)
    } catch (error) {
      await db.query(
        sql`update public.external_calendars set problem = ${messageOf(error).slice(0, 500)} where id = ${calendar}`,
      )
    }
  },
})
