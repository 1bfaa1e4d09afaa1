import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Ends trials and paid periods that ran out. */
export const expireSubscriptions = defineJob({
  name: 'expire-subscriptions',
  summary: 'Ends trials and paid periods that ran out.',
  schedule: { line: '5 * * * *', catchUp: 'once' },
  payload: z.object({}),
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ expired: number }>(
      sql`select private.expire_subscriptions() as expired`,
    )
    log.debug({ expired: rows[0]!.expired }, 'subscriptions expired')
  },
})
