import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Derives yesterday of each shop once its own clock is past 02:00 (S-J1), whatever the change stream has done. */
export const generateDailySalesMetrics = defineJob({
  name: 'generate-daily-sales-metrics',
  summary: 'Derives yesterday’s metrics of every shop, at 02:00 of its own zone.',
  schedule: { line: '*/15 * * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ derived: number }>(sql`select private.close_days() as derived`)
    log.debug({ derived: rows[0]!.derived }, 'days closed')
  },
})
