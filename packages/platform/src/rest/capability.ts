import { z } from 'zod'
import { sql } from '../database/index.ts'
import { defineCapability } from '../system/index.ts'
import { readRestMigrations } from './receipts/migrations.ts'
import { pruneReceiptsJob } from './receipts/prune-receipts.ts'
import { createRestSurface } from './rest.ts'

const schemaNames = z.array(z.string().min(1))

const settings = z.object({
  schemas: schemaNames
    .min(1)
    .default(['public'])
    .describe('Schemas that are served; the first is the default.'),
  extraSearchPath: schemaNames
    .default(['extensions'])
    .describe('Schemas that are searched behind the served one.'),
  maxRows: z.number().int().min(1).optional().describe('Most rows of one answer. Without it, all.'),
  aggregates: z.boolean().default(false).describe('Whether select may sum, count and average.'),
})

/** The tables and functions of the served schemas over PostgREST's protocol. */
export const rest = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'rest',
    migrations: readRestMigrations,
    settings,
    defaults,
    open: ({ system, database, log, settings: { maxRows, ...others } }) => ({
      surfaces: [
        createRestSurface({
          database,
          log,
          errors: system.errors,
          receipts: true,
          ...others,
          ...(maxRows === undefined ? {} : { maxRows }),
        }),
      ],
      jobs: [pruneReceiptsJob(database)],
      personHooks: {
        erase: async (user, transaction) =>
          void (await transaction.query(sql`delete from plinth.receipts where whose = ${`user ${user}`}`)),
      },
    }),
  })
