import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const event = z.object({
  event_id: z.uuid(),
  event_type: z.string(),
  created_at: z.string(),
})

/** Notes an event: a row, and a broadcast to the private channel of the super admins (R-F7). */
export const realtimeEvents = defineFunction({
  name: 'realtime-events',
  summary: 'Notes an event and broadcasts it to the super admins.',
  access: 'user',
  input: z.object({
    event_type: z.string().regex(/^[a-z][a-z0-9_.]{0,62}$/, 'small letters, digits, "_" and "."'),
    business_id: z.uuid().nullish(),
    data: z.record(z.string(), z.unknown()).default({}),
  }),
  output: event,
  handle: ({ db }, { event_type, business_id, data }) =>
    ask<z.output<typeof event>>(
      db,
      sql`select public.emit_event(${event_type}, ${business_id ?? null}, ${JSON.stringify(data)}::jsonb) as answer`,
    ),
})
