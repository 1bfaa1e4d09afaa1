import { ask, type Statement, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const input = z.discriminatedUnion('type', [
  z.object({ type: z.literal('overview') }),
  z.object({ type: z.literal('business'), business_id: z.uuid() }),
  z.object({ type: z.literal('revenue') }),
  z.object({ type: z.literal('growth') }),
])

/** Figures of the platform (R-F5). SQL checks who asks: a super admin, a key with `analytics`, a business’s own owner. */
export const analytics = defineFunction({
  name: 'analytics',
  methods: ['GET'],
  summary: 'Figures of the whole platform or of one business.',
  access: { anyOf: ['user', { permission: 'analytics' }] },
  input,
  output: z.object({
    analytics_type: z.string(),
    data: z.record(z.string(), z.unknown()),
    generated_at: z.string(),
  }),
  handle: async ({ db, clock }, asked) => ({
    analytics_type: asked.type,
    data: await ask<Record<string, unknown>>(db, statementOf(asked), { readOnly: true }),
    generated_at: new Date(clock.now()).toISOString(),
  }),
})

function statementOf(asked: z.output<typeof input>): Statement {
  switch (asked.type) {
    case 'overview':
      return sql`select public.analytics_overview() as answer`
    case 'business':
      return sql`select public.analytics_business(${asked.business_id}) as answer`
    case 'revenue':
      return sql`select public.analytics_revenue() as answer`
    case 'growth':
      return sql`select public.analytics_growth() as answer`
  }
}
