import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Clears away holds of pending orders that ran out. Their units were free already; this keeps the table small. */
export const pruneExpiredHolds = defineJob({
  name: 'prune-expired-holds',
  summary: 'Removes the expired holds of pending orders.',
  schedule: { line: '*/15 * * * *', catchUp: 'once' },
  payload: z.object({}),
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ removed: string }>(sql`select private.prune_expired_holds() as removed`)
    log.debug({ removed: rows[0]!.removed }, 'expired holds removed')
  },
})
