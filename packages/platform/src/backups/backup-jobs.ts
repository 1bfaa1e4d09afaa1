import { z } from 'zod'
import { sql } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { hasCode } from '../kernel/index.ts'
import type { BackupContext } from './backup-context.ts'
import { type BackupsOffer, rehearseAll } from './backups-of-project.ts'
import type { BackupSettings } from './settings.ts'

/** What a project does about its backups by itself. */
export const backupJobs = (context: BackupContext, offer: BackupsOffer, settings: BackupSettings) => [
  defineJob({
    name: 'take-backup',
    summary: 'Takes a backup that was asked for.',
    payload: z.object({ id: z.uuid() }),
    attempts: 8,
    concurrency: 2,
    run: async (_, { id }) => {
      try {
        await offer.take(id)
      } catch (error) {
        // Another backup of the tenant is under way: this one still waits, and is tried again.
        if (hasCode(error, 'backup_busy') && (await offer.find(id)).status !== 'waiting')
          await again(context, id)
        throw error
      }
    },
  }),
  ...(settings.schedule
    ? [
        defineJob({
          name: 'back-up-tenants',
          summary: 'Backs up every tenant that changed in the last five minutes.',
          schedule: { line: '*/5 * * * *', zone: 'UTC', catchUp: 'once' as const },
          payload: z.object({}),
          concurrency: 1,
          attempts: 2,
          run: async ({ log, signal }) => {
            const { failed, ...result } = await offer.runSlot(undefined, signal)
            log.info({ ...result, failed: failed.length }, 'slot of backups')
          },
        }),
      ]
    : []),
  ...(settings.schedule
    ? [
        defineJob({
          name: 'back-up-project',
          summary: 'Backs up the whole project: accounts, files, jobs, keys and settings.',
          schedule: { line: '40 1 * * *', zone: 'UTC', catchUp: 'once' as const },
          payload: z.object({}),
          concurrency: 1,
          attempts: 3,
          run: async () => void (await offer.createOfProject({ trigger: 'schedule' })),
        }),
      ]
    : []),
  ...(settings.rehearse
    ? [
        defineJob({
          name: 'rehearse-backups',
          summary: 'Restores on trial each full backup, and the last one of each day.',
          schedule: { line: '17 * * * *', zone: 'UTC', catchUp: 'once' as const },
          payload: z.object({}),
          concurrency: 1,
          attempts: 2,
          run: async ({ signal }) => rehearseAll(context, await findUnrehearsed(context), signal),
        }),
      ]
    : []),
  defineJob({
    name: 'prune-backups',
    summary: 'Removes the backups that the retention does not keep.',
    schedule: { line: '50 2 * * *', zone: 'UTC', catchUp: 'once' as const },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ log }) => {
      const { removed, ...pruned } = await offer.prune()
      log.info({ ...pruned, removed: removed.length }, 'backups pruned')
    },
  }),
]

async function again({ database }: BackupContext, id: string): Promise<void> {
  await database.asOwner(sql`
    update plinth.backups set status = 'waiting', error_code = null, error = null, completed_at = null
    where id = ${id} and status = 'failed' and error_code = 'backup_busy'`)
}

/** Full ones, and of each tenant the last one of every day that is over. */
async function findUnrehearsed({ database, clock }: BackupContext): Promise<readonly string[]> {
  const today = clock.now().toISOString().slice(0, 10)
  const { rows } = await database.asOwner<{ id: string }>(sql`
    select b.id from plinth.backups b
    where b.status = 'completed' and b.rehearsal is null and (b.kind = 'full'
      or (b.taken_at at time zone 'UTC')::date < ${today}::date and not exists (
        select from plinth.backups l where l.tenant = b.tenant and l.status = 'completed' and l.taken_at > b.taken_at
          and (l.taken_at at time zone 'UTC')::date = (b.taken_at at time zone 'UTC')::date))
    order by b.completed_at`)
  return rows.map(({ id }) => id)
}
