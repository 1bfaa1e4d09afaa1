import type { RestorePreview } from '@plinth/platform/backups'
import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { rekon30Errors } from '../errors.ts'
import { defineFunction } from '../uses.ts'
import { operators } from './backup-system.ts'

/** Tables of each type of data. Stock follows from its movements, which belong to what was sold. */
const tablesOf = {
  products: ['products', 'product_costs'],
  customers: ['customers'],
  workers: ['workers', 'wage_entries'],
  sales: ['sales', 'sale_lines', 'stock_movements'],
  payments: ['payments'],
} as const

type DataType = keyof typeof tablesOf
const dataTypes = Object.keys(tablesOf) as [DataType, ...DataType[]]

const changes = z.object({
  taken_at: z.string(),
  tables: z.array(
    z.object({ table: z.string(), added: z.number(), changed: z.number(), removed: z.number() }),
  ),
  money: z.array(z.record(z.string(), z.unknown())),
})

const changesOf = ({ takenAt, tables, money }: RestorePreview): z.output<typeof changes> => ({
  taken_at: takenAt,
  tables: tables.map(({ table, added, changed, removed }) => ({ table, added, changed, removed })),
  money: money.map((each) => ({ ...each })),
})

/** Brings back what a business lost (R-F3). */
export const dataRestore = defineFunction({
  name: 'data-restore',
  summary: 'Shows what a backup would bring back, or brings it back, all of it or some, in one transaction.',
  access: operators,
  input: z
    .object({
      business_id: z.uuid(),
      /** Id, path or file name. */
      backup_id: z.string().min(1).max(400).optional(),
      /** Instead of a backup: the last one taken at or before this instant. */
      at: z.iso.datetime({ offset: true }).optional(),
      restore_type: z.enum(['full', 'selective']),
      data_types: z.array(z.enum(dataTypes)).min(1).optional(),
      /** Only these rows of the data types: they come back or are as they were, and nothing goes. */
      ids: z.array(z.uuid()).min(1).max(10_000).optional(),
      /** Changes nothing and says what would change. Default false. */
      preview: z.boolean().default(false),
    })
    .refine(({ backup_id, at }) => (backup_id === undefined) !== (at === undefined), {
      error: 'Name a backup_id or an instant.',
    })
    .refine(({ restore_type, data_types }) => (restore_type === 'selective') === (data_types !== undefined), {
      error: 'A selective restore names data_types, a full one does not.',
    })
    .refine(({ ids, data_types }) => ids === undefined || data_types !== undefined, {
      error: 'ids belong to data_types.',
    }),
  output: changes.extend({
    message: z.string(),
    /** Null for a preview. */
    restore_request_id: z.uuid().nullable(),
    /** Taken just before: restoring it undoes this restore. Null for a preview. */
    undo_backup_id: z.uuid().nullable(),
  }),
  handle: async ({ backups, asService, caller }, input) => {
    if (caller.role === 'service_role') throw rekon30Errors.super_admin_required()
    const tenant = input.business_id
    const named = input.backup_id
      ? await ask<string | null>(
          asService('which backup is meant'),
          sql`select private.backup_of(${tenant}, ${input.backup_id}) as answer`,
          { readOnly: true },
        )
      : (await backups.nearest(tenant, new Date(input.at!)))?.id
    if (!named) throw rekon30Errors.unknown_backup()
    const tables = input.data_types?.flatMap((type) => tablesOf[type])
    const choice = { id: named, ...(tables ? { tables } : {}), ...(input.ids ? { ids: input.ids } : {}) }
    if (input.preview) {
      const seen = await backups.preview(choice)
      return {
        ...changesOf(seen),
        message: 'Nothing was changed.',
        restore_request_id: null,
        undo_backup_id: null,
      }
    }
    const before = await backups.create({ tenant, kind: 'auto', label: `before a restore of ${named}` })
    const done = await backups.restore(choice)
    return {
      ...changesOf(done),
      message: `The data of ${done.takenAt} is back. Restoring ${before.id} undoes it.`,
      restore_request_id: done.restore,
      undo_backup_id: before.id,
    }
  },
})
