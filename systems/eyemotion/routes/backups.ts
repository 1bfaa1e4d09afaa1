import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { defineRoute } from '../uses.ts'
import { base, note, requireFlag } from './api.ts'

/** The name by which the platform's catalogue knows a backup of the whole project. */
const wholeProject = '*'

const backup = z.object({
  /** `backup:full:<when it was taken>` */
  id: z.string(),
  backupId: z.uuid(),
  status: z.string(),
  takenAt: z.iso.datetime().nullable(),
  rows: z.number().nullable(),
  bytes: z.number().nullable(),
  sha256: z.string().nullable(),
})

const shown = (found: {
  readonly id: string
  readonly status: string
  readonly takenAt: Date | null
  readonly requestedAt: Date
  readonly rows: number | null
  readonly bytes: number | null
  readonly sha256: string | null
}): z.output<typeof backup> => ({
  id: `backup:full:${(found.takenAt ?? found.requestedAt).toISOString()}`,
  backupId: found.id,
  status: found.status,
  takenAt: found.takenAt?.toISOString() ?? null,
  rows: found.rows,
  bytes: found.bytes,
  sha256: found.sha256,
})

/** E-B1 */
export const createBackup = defineRoute({
  method: 'POST',
  path: `${base}/backups`,
  summary: 'Takes a backup of everything: rows, accounts, key-value store, files, settings.',
  access: 'service',
  timeLimit: 1_800_000,
  limit: { calls: 10, seconds: 3_600 },
  responses: { 201: backup },
  handle: async (ctx) => {
    await requireFlag(ctx.flags, 'backupEnabled')
    const made = shown(await ctx.backups.createOfProject())
    await note(ctx, 'backup.create', { type: 'backup', id: made.backupId })
    return reply(201, made)
  },
})

export const listBackups = defineRoute({
  method: 'GET',
  path: `${base}/backups`,
  summary: 'The backups of everything, the latest first.',
  access: 'service',
  responses: { 200: z.object({ backups: z.array(backup) }) },
  handle: async (ctx) => ({ backups: (await ctx.backups.list({ tenant: wholeProject })).map(shown) }),
})
