import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

const daysAtOnce = 20

/** Derives the days that changes have touched. Asked for by the change stream; once a minute for whatever it could not ask for. */
export const refreshMetrics = defineJob({
  name: 'refresh-metrics',
  summary: 'Derives the metrics of days whose orders changed.',
  schedule: { line: '* * * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log, signal }) => {
    for (;;) {
      signal.throwIfAborted()
      const { rows } = await db.query<{ derived: number }>(
        sql`select private.refresh_days(${daysAtOnce}) as derived`,
      )
      const { derived } = rows[0]!
      if (derived > 0) log.debug({ derived }, 'days derived')
      if (derived < daysAtOnce) return
    }
  },
})
