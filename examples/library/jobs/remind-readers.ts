import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Marks loans whose day has come, once each; whoever writes to readers works from the marks. */
export const remindReaders = defineJob({
  name: 'remind-readers',
  summary: 'Marks overdue loans for a reminder.',
  schedule: { line: '0 7 * * *', zone: 'Europe/London', catchUp: 'once' },
  payload: z.object({}),
  run: async ({ db, clock, log }) => {
    const { rowCount } = await db.query(sql`
      update public.loans set reminded_at = ${clock.now()}
      where returned_at is null and reminded_at is null and due_on < (${clock.now()}::timestamptz at time zone 'UTC')::date`)
    if (rowCount) log.info({ loans: rowCount }, 'readers reminded')
  },
})
