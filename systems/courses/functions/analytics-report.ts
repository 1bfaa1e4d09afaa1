import { ask, type Statement, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const input = z.object({
  type: z.enum(['overview', 'revenue', 'events', 'referrals']).default('overview'),
  /** Days of the organisation’s zone, both included. */
  startDate: z.iso.date().optional(),
  endDate: z.iso.date().optional(),
})
type Asked = z.output<typeof input>

/** What each report is computed from: a change of one of them ends the stored answer. */
const tablesOf: Readonly<Record<Asked['type'], readonly string[]>> = {
  overview: ['profiles', 'events', 'registrations', 'payment_transactions'],
  revenue: ['registrations', 'payment_transactions'],
  events: ['events', 'registrations', 'payment_transactions', 'feedback'],
  referrals: ['referrals', 'profiles'],
}

/** Reports for administrators (C-F6), kept until what they were computed from changes (C-O6). */
export const analyticsReport = defineFunction({
  name: 'analytics-report',
  summary: 'Overview, revenue, events or referrals, of all time or of a range of days.',
  access: 'admin',
  methods: ['GET'],
  input,
  output: z.object({ type: z.string(), data: z.unknown(), generatedAt: z.string() }),
  handle: async ({ asService, cache, clock }, asked) => {
    const { type, startDate = '', endDate = '' } = asked
    const dependsOn = tablesOf[type]
    return cache.remember(
      `report ${type} ${startDate} ${endDate}`,
      { dependsOn, persistent: true },
      async () => ({
        type,
        data: await ask<unknown>(asService('reports are of everybody'), statementOf(asked), {
          readOnly: true,
        }),
        generatedAt: clock.now().toISOString(),
      }),
    )
  },
})

function statementOf({ type, startDate, endDate }: Asked): Statement {
  const [from, until] = [startDate ?? null, endDate ?? null]
  switch (type) {
    case 'overview':
      return sql`select private.report_overview() as answer`
    case 'revenue':
      return sql`select private.report_revenue(${from}, ${until}) as answer`
    case 'events':
      return sql`select private.report_events(${from}, ${until}) as answer`
    case 'referrals':
      return sql`select private.report_referrals(${from}, ${until}) as answer`
  }
}
