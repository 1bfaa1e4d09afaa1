import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineJob } from '../uses.ts'

const day = 86_400_000

/** Asks for a snapshot of all shops; a tick that comes again finds its name taken. */
async function snapshot(db: ScopedDatabase, name: string, description: string): Promise<void> {
  await db.query(sql`
    select public.create_backup_snapshot(${name}, ${description})
    where not exists (select from public.recovery_snapshots where snapshot_name = ${name})`)
}

/** A full backup of every shop at 03:00 UTC (S-J2). */
export const dailyFullBackup = defineJob({
  name: 'daily-full-backup',
  summary: 'Makes a snapshot of all shops each day at 03:00 UTC.',
  schedule: { line: '0 3 * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: ({ db, scheduledFor }) =>
    snapshot(db, `daily-${scheduledFor.toISOString().slice(0, 10)}`, 'Daily full backup'),
})

/** A backup of every shop on Sundays at 04:00 UTC (S-J3). */
export const weeklyBackup = defineJob({
  name: 'weekly-backup',
  summary: 'Makes a snapshot of all shops each Sunday at 04:00 UTC.',
  schedule: { line: '0 4 * * 0', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, scheduledFor, recovery }) => {
    const name = `weekly-${scheduledFor.toISOString().slice(0, 10)}`
    await snapshot(db, name, 'Weekly backup')
    const ends = new Date(scheduledFor.getTime() + recovery.weeklyKeepDays * day)
    await db.query(
      sql`update public.recovery_snapshots set expires_at = ${ends} where snapshot_name = ${name}`,
    )
  },
})

/** Removes snapshots that are past their 90 days, at 05:00 UTC (S-J4). */
export const cleanupExpiredSnapshots = defineJob({
  name: 'cleanup-expired-snapshots',
  summary: 'Removes expired snapshots each day at 05:00 UTC.',
  schedule: { line: '0 5 * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, log }) => {
    const { rows } = await db.query<{ removed: number }>(
      sql`select public.cleanup_expired_snapshots() as removed`,
    )
    log.info({ removed: rows[0]!.removed }, 'expired snapshots removed')
  },
})

/** Says in `sync_status` up to where the second place of backups has each shop (S-B7). */
export const refreshSyncStatus = defineJob({
  name: 'refresh-sync-status',
  summary: 'Says up to where the second place of backups has each table of each shop.',
  schedule: { line: '35 * * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, recovery, log }) => {
    const { rows } = await db.query<{ shops: number }>(
      sql`select private.refresh_sync_status(${recovery.region}) as shops`,
    )
    log.debug({ shops: rows[0]!.shops }, 'sync status refreshed')
  },
})
