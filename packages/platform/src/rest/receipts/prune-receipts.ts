import { z } from 'zod'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { defineJob } from '../../jobs/index.ts'

/** How long a write is recognised, days. Clients that were away for longer must look before they write again. */
const receiptDays = 30

export const pruneReceiptsJob = (database: ProjectDatabase) =>
  defineJob({
    name: 'prune-receipts',
    summary: `Forgets the answers to writes with an Idempotency-Key that are older than ${receiptDays} days.`,
    schedule: { line: '40 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      const before = new Date(clock.now().getTime() - receiptDays * 86_400_000)
      await database.asOwner(sql`delete from plinth.receipts where made_at < ${before}`)
    },
  })
