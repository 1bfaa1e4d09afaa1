import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Brings low-stock alerts in line with what is on the shelf, once a day at 09:00 of each shop's zone (S-J6). */
export const checkLowStockAlerts = defineJob({
  name: 'check-low-stock-alerts',
  summary: 'Raises and resolves low-stock alerts of every shop, at 09:00 of its own zone.',
  schedule: { line: '*/15 * * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ changed: number }>(sql`select private.check_low_stock() as changed`)
    log.debug({ changed: rows[0]!.changed }, 'low stock checked')
  },
})
