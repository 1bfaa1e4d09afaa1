import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** Begins free months, and ends times of grace after a downgrade. */
export const rollAccounts = defineJob({
  name: 'roll-accounts',
  summary: 'Begins free months that are due, and ends times of grace that are over.',
  schedule: { line: '7 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, clock, signal }) => {
    for (let count = 1; count > 0 && !signal.aborted; )
      count = Number(await ask<string>(db, sql`select private.roll_accounts(${clock.now()}) as answer`))
  },
})

/** Gives up uploads that were never confirmed: their credits and room are free again. */
export const abandonUploads = defineJob({
  name: 'abandon-uploads',
  summary: 'Gives up uploads whose time is over.',
  schedule: { line: '*/15 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, clock, signal }) => {
    for (let count = 1; count > 0 && !signal.aborted; )
      count = Number(await ask<string>(db, sql`select private.abandon_uploads(${clock.now()}) as answer`))
  },
})

/** Everything, while backupEnabled is on (E-B1). */
export const backUpEverything = defineJob({
  name: 'back-up-everything',
  summary: 'Takes a backup of the whole project: rows, accounts, key-value store, files, settings.',
  schedule: { line: '40 1 * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  attempts: 3,
  concurrency: 1,
  run: async ({ backups, flags }) => {
    if (await flags.isOn('backupEnabled')) await backups.createOfProject({ trigger: 'schedule' })
  },
})

/** Activity is kept for 90 days (E-T1). */
export const keepActivity = defineJob({
  name: 'keep-activity',
  summary:
    'Makes the partitions of activity_logs for the months to come, and forgets what is older than 90 days.',
  schedule: { line: '20 2 * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({ days: z.int().min(1).default(90) }),
  concurrency: 1,
  run: async ({ db, clock, log }, { days }) => {
    const gone = await ask<string>(
      db,
      sql`select private.keep_activity_logs(${clock.now()}, ${days}) as answer`,
    )
    log.info({ gone }, 'activity that was too old')
  },
})
