import { sql } from '@plinth/platform/database'
import { defineJob } from '@plinth/platform/jobs'
import { z } from 'zod'

/** Deletes notes that are older than a year, every night. */
export const pruneNotes = defineJob({
  name: 'prune-notes',
  summary: 'Deletes notes older than a number of days.',
  schedule: { line: '0 3 * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({ days: z.number().int().positive().default(365) }),
  run: async ({ db, clock }, { days }) => {
    const oldest = new Date(clock.now().getTime() - days * 24 * 3_600_000)
    await db.query(sql`delete from public.notes where created_at < ${oldest}`)
  },
})
