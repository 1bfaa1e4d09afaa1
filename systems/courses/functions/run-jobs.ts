import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** Brings events up to their times now; a job does so at midnight (C-J3). */
export const updateEventStatusNow = defineFunction({
  name: 'update-event-status',
  summary: 'Sets the status of events by their times.',
  access: { anyOf: ['service', 'admin'] },
  input: z.object({}).loose(),
  output: z.object({ updated: z.number() }),
  handle: async ({ asService }) => ({
    updated: await ask<number>(
      asService('events of everybody'),
      sql`select private.advance_events() as answer`,
    ),
  }),
})

const difference = z.object({
  problem: z.string(),
  provider: z.string(),
  object: z.string(),
  registration_id: z.uuid().nullable(),
  amount: z.number().nullable(),
  ours: z.number().nullable(),
  theirs: z.number().nullable(),
  currency: z.string().nullable(),
  status: z.string().nullable(),
  found_at: z.string(),
  mended_at: z.string().nullable(),
})

/** Compares with Razorpay now, as the job does at 02:00 (C-J4), and lists what differed in the last 30 days. */
export const paymentReconciliationNow = defineFunction({
  name: 'payment-reconciliation',
  summary: 'Compares payments with Razorpay’s and lists what differed.',
  access: { anyOf: ['service', 'admin'] },
  methods: ['POST', 'GET'],
  input: z.object({}).loose(),
  output: z.object({ differences: z.array(difference), queued: z.boolean() }),
  handle: async ({ asService, request }) => {
    const service = asService('payments of everybody')
    const queued = request.method === 'POST'
    if (queued) await service.query(sql`select private.queue_reconciliation()`)
    return {
      queued,
      differences: await ask<z.output<typeof difference>[]>(
        service,
        sql`select private.reconciliation_report() as answer`,
        { readOnly: true },
      ),
    }
  },
})
