import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { time } from '../rows/schemas.ts'
import { defineRoute } from '../uses.ts'

const query = z.object({ from: time.optional(), until: time.optional() })
/** The shape is that of the SQL function of the same name. */
const responses = { 200: z.record(z.string(), z.unknown()) }

const numbers = (name: string, summary: string) =>
  defineRoute({
    method: 'GET',
    path: `/dashboard/${name}`,
    summary,
    access: 'user',
    query,
    responses,
    handle: async ({ db }, { query: { from, until } }) => {
      const { rows } = await db.query<{ answer: Record<string, unknown> }>(
        {
          text: `select public.dashboard_${name}($1::timestamptz, $2::timestamptz) as answer`,
          values: [from ?? null, until ?? null],
        },
        { readOnly: true },
      )
      return rows[0]!.answer
    },
  })

export const showStatistics = numbers('statistics', 'Counts and revenue of a time.')
export const showEngagement = numbers('engagement', 'How clients take part.')
export const showFeatures = numbers('features', 'Which features are used and what goes wrong in apps.')

const event = z.object({
  id: z.uuid(),
  kind: z.enum(['activity', 'feature', 'error', 'performance']),
  name: z.string().min(1).max(100),
  data: z.record(z.string().max(100), z.unknown()).default({}),
})

export const storeActivity = defineRoute({
  method: 'POST',
  path: '/activity',
  summary: 'Stores what an app tells of its use, each id once, while the flag enableAnalytics is on.',
  access: 'user',
  limit: { calls: 60, seconds: 60 },
  body: z.object({ events: z.array(event).min(1).max(100) }),
  responses: { 200: z.object({ stored: z.int(), enabled: z.boolean() }) },
  handle: async ({ db, flags }, { body: { events } }) => {
    if (!(await flags.isOn('enableAnalytics'))) return { stored: 0, enabled: false }
    const { rowCount } = await db.query(sql`
      insert into public.activity_events (id, kind, name, data)
      select e.id, e.kind, e.name, e.data from jsonb_to_recordset(${JSON.stringify(events)}) e (id uuid, kind text, name text, data jsonb)
      on conflict (id) do nothing`)
    return { stored: rowCount ?? 0, enabled: true }
  },
})
