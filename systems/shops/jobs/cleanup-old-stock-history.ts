import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

const itemsAtOnce = 500

/** Moves movements older than 365 days into the archive, on the 1st at 06:00 UTC (S-J5). */
export const cleanupOldStockHistory = defineJob({
  name: 'cleanup-old-stock-history',
  summary: 'Archives movements of stock that are older than 365 days, behind an opening balance.',
  schedule: { line: '0 6 1 * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log, signal }) => {
    for (;;) {
      signal.throwIfAborted()
      const { rows } = await db.query<{ items: number }>(
        sql`select private.roll_up_history(p_limit => ${itemsAtOnce}) as items`,
      )
      log.debug({ items: rows[0]!.items }, 'histories archived')
      if (rows[0]!.items < itemsAtOnce) return
    }
  },
})
