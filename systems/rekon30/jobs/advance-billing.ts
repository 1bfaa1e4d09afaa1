import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Moves every business with the calendar of its own zone: due, reminded, overdue, shut out. */
export const advanceBilling = defineJob({
  name: 'advance-billing',
  summary: 'Brings payment states up to the date and notes reminders.',
  schedule: { line: '7 * * * *', catchUp: 'once' },
  payload: z.object({}),
  run: async ({ db }) => {
    await db.query(sql`select private.advance_billing()`)
  },
})
