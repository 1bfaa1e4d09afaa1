import { type ProjectDatabase, quoteName, type Statement, sql } from '../../database/index.ts'
import { hasCode, messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { renewPersonKeys } from '../project/person-keys.ts'
import { wholeProject } from '../project/project-set.ts'
import { settleMilliseconds } from '../take/mark.ts'
import { takeBackup } from '../take/take-backup.ts'
import { openTakeSession, type TakeSession } from '../take/take-session.ts'

/** What became of one slot. */
export interface SlotResult {
  readonly slot: Date
  /** Tenants that were looked at. */
  readonly tenants: number
  readonly completed: number
  readonly unchanged: number
  /** Taken by somebody else, or being taken. */
  readonly skipped: number
  readonly failed: readonly { readonly tenant: string; readonly problem: string }[]
}

const slotMinutes = 5

/** The beginning of the five minutes that an instant is in. */
function slotOf(now: Date): Date {
  const length = slotMinutes * 60_000
  return new Date(Math.floor(now.getTime() / length) * length)
}

/**
 * One backup of every tenant that changed since its last one. A tenant and a slot have one backup, whoever asks and however
 * often; a tenant that did not change costs one row of one statement. One tenant after the other, so that a slot is spread
 * over its minutes; one that fails does not keep the others.
 */
export async function runSlot(
  context: BackupContext,
  tenants?: readonly string[],
  signal?: AbortSignal,
): Promise<SlotResult> {
  const { database, clock, log, tail } = context
  const slot = slotOf(clock.now())
  const settledAt = clock.now()
  const isSettled = await tail.settle(settleMilliseconds).then(
    () => true,
    (error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'the journal is behind: backups of this slot are full ones')
      return false
    },
  )
  const wanted = tenants ?? (await readTenants(context))
  if (!tenants) await noteScheduled(database, wanted)
  const due = await findDue(context, slot, wanted, isSettled)
  const failed: { tenant: string; problem: string }[] = []
  let [completed, skipped] = [0, due.taken]
  let session: TakeSession | undefined
  try {
    for (const tenant of due.changed) {
      if (signal?.aborted) break
      session ??= await openTakeSession(context)
      try {
        const id = await claimSlot(database, tenant, slot)
        const taken = id && (await takeBackup(context, session, id, isSettled ? { settledAt } : {}))
        if (taken && taken.status === 'completed') completed += 1
        else skipped += 1
      } catch (error) {
        if (hasCode(error, 'backup_busy')) skipped += 1
        else failed.push({ tenant, problem: messageOf(error) })
        log.error({ tenant, problem: messageOf(error) }, 'a backup failed')
        // A COPY may be under way on it.
        await session.close()
        session = undefined
      }
    }
  } finally {
    await session?.close()
  }
  await renewPersonKeys(context)
  return { slot, tenants: due.all, completed, unchanged: due.unchanged, skipped, failed }
}

/** Every tenant, or those that the system names. */
export async function readTenants({
  database,
  system,
  declaration,
}: BackupContext): Promise<readonly string[]> {
  const { tenant } = system
  if (!tenant) return ['']
  const statement: Statement = declaration.tenants ?? {
    text: `select t.${quoteName(tenant.key ?? 'id')}::text as tenant from public.${quoteName(tenant.table)} t`,
  }
  const { rows } = await database.asOwner<{ tenant: string }>(statement)
  return rows.map((row) => row.tenant).filter((tenant) => tenant !== wholeProject)
}

async function noteScheduled(database: ProjectDatabase, tenants: readonly string[]): Promise<void> {
  await database.asOwner(sql`
    update plinth.backup_heads set is_scheduled = not is_scheduled
    where is_scheduled <> (tenant = any (${tenants}::text[]))`)
}

interface Due {
  readonly all: number
  readonly changed: readonly string[]
  readonly unchanged: number
  readonly taken: number
}

/**
 * Sorts tenants by what the slot has for them, in one statement. Unchanged is one whose journal has no number after its last
 * backup; without a journal nobody knows, so each slot has a backup.
 */
async function findDue(
  { database, clock, fullEveryHours }: BackupContext,
  slot: Date,
  tenants: readonly string[],
  isSettled: boolean,
): Promise<Due> {
  const oldest = new Date(clock.now().getTime() - fullEveryHours * 3_600_000)
  const { rows } = await database.asOwner<{ tenant: string; what: 'taken' | 'unchanged' | 'changed' }>(sql`
    with looked as (
      select t.tenant, case
        when exists (select from plinth.backups b where b.tenant = t.tenant and b.slot = ${slot}
          and b.status not in ('failed', 'waiting')) then 'taken'
        when ${isSettled} and h.sequence is not null and h.full_at > ${oldest}
          and h.sequence = coalesce((select j.sequence from plinth_journal.heads j where j.tenant = t.tenant), 0)
          and (h.state ->> 'gaps')::bigint = (select count(*) from plinth_journal.gaps)
          and not exists (select from plinth_journal.schema_changes c
            where c.id > (h.state ->> 'schemaChange')::bigint and h.state -> 'tables' ? c.relation) then 'unchanged'
        else 'changed' end as what
      from unnest(${tenants}::text[]) t(tenant)
      left join plinth.backup_heads h on h.tenant = t.tenant
    ), checked as (
      update plinth.backup_heads h set checked_slot = ${slot}, checked_at = ${clock.now()}
      from looked l where l.tenant = h.tenant and l.what = 'unchanged'
    )
    select tenant, what from looked order by tenant`)
  const of = (what: string) => rows.filter((row) => row.what === what)
  return {
    all: rows.length,
    changed: of('changed').map(({ tenant }) => tenant),
    unchanged: of('unchanged').length,
    taken: of('taken').length,
  }
}

/** The record of a tenant's slot; undefined when somebody else has it. One that was claimed and never begun is taken over. */
async function claimSlot(database: ProjectDatabase, tenant: string, slot: Date): Promise<string | undefined> {
  const { rows } = await database.asOwner<{ id: string }>(sql`
    insert into plinth.backups (tenant, trigger, slot) values (${tenant}, 'schedule', ${slot})
    on conflict (tenant, slot) where slot is not null and status <> 'failed'
    do update set slot = excluded.slot where backups.status = 'waiting' returning id`)
  return rows[0]?.id
}
