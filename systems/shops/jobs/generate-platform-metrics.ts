import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

const day = 24 * 60 * 60 * 1000

/** Derives the platform's figures of the day that ended on the whole earth: shops west of UTC close theirs later. */
export const generatePlatformMetrics = defineJob({
  name: 'generate-platform-metrics',
  summary:
    'Derives the platform’s figures of yesterday (UTC), and of the day before once all its shops have closed it.',
  schedule: { line: '30 2 * * *', catchUp: 'all' },
  payload: z.object({}),
  run: async ({ db, scheduledFor }) => {
    for (const ago of [2, 1]) {
      const date = new Date(scheduledFor.getTime() - ago * day).toISOString().slice(0, 10)
      await db.query(sql`select public.generate_platform_metrics(${date})`)
    }
  },
})
