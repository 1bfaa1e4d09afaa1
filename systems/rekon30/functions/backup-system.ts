import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** Who may work on the backups of all businesses: super admins, and whoever has the service key (cron). */
export const operators = { role: 'super_admin' } as const

/** Backs up a business now (R-F1). */
export const backupSystem = defineFunction({
  name: 'backup-system',
  summary: 'Takes a backup of a business and answers when it is complete.',
  access: operators,
  input: z.object({
    business_id: z.uuid(),
    /** `manual` and `incremental`: what changed since the last backup, where the journal allows it. */
    backup_type: z.enum(['full', 'incremental', 'manual']).default('manual'),
    label: z.string().trim().min(1).max(200).optional(),
  }),
  output: z.object({
    backup_id: z.uuid(),
    /** Name of the manifest, a JSON document that lists the encrypted parts. */
    filename: z.string(),
    file_path: z.string(),
    /** Bytes, compressed and encrypted. */
    data_size: z.number(),
    backup_type: z.enum(['full', 'incremental']),
  }),
  handle: async ({ backups }, { business_id, backup_type, label }) => {
    const kind = backup_type === 'full' ? 'full' : 'auto'
    const made = await backups.create({ tenant: business_id, kind, ...(label ? { label } : {}) })
    const path = made.file!
    return {
      backup_id: made.id,
      filename: path.slice(path.lastIndexOf('/') + 1),
      file_path: path,
      data_size: made.bytes ?? 0,
      backup_type: made.kind!,
    }
  },
})
