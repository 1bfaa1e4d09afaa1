import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const status = z.object({
  last_slot: z.string().nullable(),
  last_completed_at: z.string().nullable(),
  completed: z.number(),
  failed: z.number(),
  /** Percent of the last seven days; null without backups. */
  success_rate: z.number().nullable(),
  storage_bytes: z.number(),
  recent_failures: z.array(z.record(z.string(), z.unknown())),
})

/** How backups went (R-O4, R-O5, R-O10), for super admins, owners and keys with `backup_status`. */
export const backupStatus = defineFunction({
  name: 'backup-status',
  methods: ['GET'],
  summary: 'Last slot, success rate and failures of the backups of one business or of all.',
  access: { anyOf: ['user', { permission: 'backup_status' }] },
  input: z.object({ business_id: z.uuid().optional() }),
  output: status,
  handle: ({ db }, { business_id }) =>
    ask<z.output<typeof status>>(db, sql`select public.backup_status(${business_id ?? null}) as answer`, {
      readOnly: true,
    }),
})
