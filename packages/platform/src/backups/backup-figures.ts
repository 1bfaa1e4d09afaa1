import { type ProjectDatabase, type Statement, sql } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { FigureSource } from '../system/index.ts'
import type { BackupContext } from './backup-context.ts'

/** Numbers that alert rules name: what failed, what is late, what nobody restored on trial. */
export function backupFigures(database: ProjectDatabase, clock: Clock): readonly FigureSource[] {
  const read = async (statement: Statement) => {
    const { rows } = await database.asOwner<{ value: string | null }>(statement)
    const value = rows[0]?.value ?? null
    return value === null ? null : Number(value)
  }
  return [
    {
      name: 'backups-failed',
      unit: 'tenants',
      // A failure that was followed by a backup is over.
      read: () =>
        read(sql`
          select count(distinct f.tenant) as value from plinth.backups f
          where f.status = 'failed' and f.requested_at > ${clock.now()}::timestamptz - interval '24 hours'
            and not exists (select from plinth.backups b where b.tenant = f.tenant and b.status = 'completed'
              and b.completed_at >= f.completed_at)`),
    },
    {
      name: 'backup-age',
      unit: 'seconds',
      read: () =>
        read(sql`
          select extract(epoch from ${clock.now()}::timestamptz - min(h.checked_at)) as value from plinth.backup_heads h where h.is_scheduled`),
    },
    {
      name: 'backups-unrehearsed',
      unit: 'tenants',
      read: () =>
        read(sql`
          select count(*) as value from plinth.backup_heads h
          where h.is_scheduled and not exists (select from plinth.backup_receipts r where r.tenant = h.tenant and r.outcome = 'sound'
            and r.began_at > ${clock.now()}::timestamptz - interval '3 days')`),
    },
    {
      name: 'rehearsals-failed',
      unit: 'backups',
      read: () =>
        read(
          sql`select count(*) as value from plinth.backups where status = 'completed' and rehearsal = 'failed'`,
        ),
    },
    {
      name: 'backup-bytes',
      unit: 'bytes',
      read: () =>
        read(sql`select coalesce(sum(bytes), 0) as value from plinth.backups where status = 'completed'`),
    },
  ]
}

/** Seconds after which a tenant's last slot is late: three of them. */
const lateFrom = 15 * 60

/** Degraded where a backup is late or a rehearsal failed. */
export async function checkBackups(
  { database, clock }: BackupContext,
  isScheduled: boolean,
): Promise<HealthStatus> {
  const now = clock.now()
  const { rows } = await database.asOwner<Record<'tenants' | 'late' | 'failed' | 'unsound', string>>(sql`
    select (select count(*) from plinth.backup_heads) as tenants,
      (select count(*) from plinth.backup_heads where is_scheduled and checked_at < ${now}::timestamptz - make_interval(secs => ${lateFrom})) as late,
      (select count(*) from plinth.backups where status = 'failed' and requested_at > ${now}::timestamptz - interval '1 hour') as failed,
      (select count(*) from plinth.backups where status = 'completed' and rehearsal = 'failed') as unsound`)
  const { tenants, late, failed, unsound } = rows[0]!
  const isDegraded = (isScheduled && Number(late) > 0) || Number(unsound) > 0
  return {
    status: isDegraded ? 'degraded' : 'ok',
    detail: {
      tenants: Number(tenants),
      late: Number(late),
      failed: Number(failed),
      unsound: Number(unsound),
    },
  }
}
