import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { unreadHours } from './keys-of-project.ts'
import { sealPlainKeys } from './seal-plain-keys.ts'

export interface KeyRetention {
  readonly keepCallDays: number
  readonly keepHourDays: number
  readonly keepDayDays: number
}

/** Seals what no signal came for, and forgets what nobody may read any more. */
export const sealKeysJob = (database: ProjectDatabase, sealingKey: Buffer) =>
  defineJob({
    name: 'seal-keys',
    summary: 'Seals the texts of API keys that SQL made, and forgets those that nobody read in a day.',
    schedule: { line: '7 * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      await sealPlainKeys(database, sealingKey)
      const oldest = new Date(clock.now().getTime() - unreadHours * 3_600_000)
      await database.asOwner(sql`delete from plinth.unread_keys where created_at <= ${oldest}`)
      // A row that was refused after its text was taken: nobody was told its key.
      const hourAgo = new Date(clock.now().getTime() - 3_600_000)
      await database.asOwner(
        sql`delete from plinth.plain_keys where not is_stored and created_at < ${hourAgo}`,
      )
    },
  })

export const pruneKeyUsageJob = (database: ProjectDatabase, retention: KeyRetention) =>
  defineJob({
    name: 'prune-key-usage',
    summary: 'Forgets calls of API keys, and their sums, that are older than their retention.',
    schedule: { line: '50 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      const daysAgo = (days: number) => new Date(clock.now().getTime() - days * 86_400_000)
      await database.asOwner(sql`delete from plinth.key_usage where at < ${daysAgo(retention.keepCallDays)}`)
      await database.asOwner(
        sql`delete from plinth.key_hours where hour < ${daysAgo(retention.keepHourDays)}`,
      )
      await database.asOwner(sql`delete from plinth.key_days where day < ${daysAgo(retention.keepDayDays)}`)
      await database.asOwner(sql`
        delete from plinth.key_hashes h where valid_until < ${daysAgo(retention.keepCallDays)}`)
    },
  })
