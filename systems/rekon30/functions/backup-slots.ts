import type { CallerBackups } from '@plinth/platform/backups'
import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'
import { operators } from './backup-system.ts'

const summary = z.object({
  /** The five minutes that the backups are for. */
  slot: z.iso.datetime(),
  /** `already_done`: somebody else has made the backups of this slot, or is making them. */
  status: z.enum(['done', 'already_done']),
  /** Businesses that are switched on. */
  total: z.number(),
  /** Backed up now, or found as they were in the last backup. */
  successful: z.number(),
  failed: z.number(),
  unchanged: z.number(),
  /** Left to another caller of the same slot. */
  skipped: z.number(),
  failures: z.array(z.object({ business_id: z.string(), error: z.string() })),
})

async function backUpAll(backups: CallerBackups): Promise<z.output<typeof summary>> {
  const { slot, tenants, completed, unchanged, skipped, failed } = await backups.runSlot()
  return {
    slot: slot.toISOString(),
    status: tenants > 0 && skipped === tenants ? 'already_done' : 'done',
    total: tenants,
    successful: completed + unchanged,
    failed: failed.length,
    unchanged,
    skipped,
    failures: failed.map(({ tenant, problem }) => ({ business_id: tenant, error: problem })),
  }
}

/** The backups of this slot (R-F2): a business and a slot have one, however many ask. */
export const backupScheduler = defineFunction({
  name: 'backup-scheduler',
  summary: 'Backs up every business that changed in the last five minutes.',
  access: operators,
  input: z.object({}),
  output: summary,
  handle: ({ backups }) => backUpAll(backups),
})

/** What a crontab calls (R-F8). The project's own schedule does the same, so that both together do it once. */
export const cronBackup = defineFunction({
  name: 'cron-backup',
  summary: 'Runs the scheduler and tells how the backups of the whole platform do.',
  access: operators,
  input: z.object({}).default({}),
  output: summary.extend({ system: z.record(z.string(), z.unknown()) }),
  handle: async ({ backups, db }) => ({
    ...(await backUpAll(backups)),
    system: await ask<Record<string, unknown>>(db, sql`select public.backup_status() as answer`, {
      readOnly: true,
    }),
  }),
})
