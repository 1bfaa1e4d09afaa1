import { type Actor, sql } from '../database/index.ts'
import { hasCode } from '../kernel/index.ts'
import type { BackupContext } from './backup-context.ts'
import {
  type BackupKind,
  type BackupRecord,
  findBackup,
  findNearest,
  type ListOptions,
  listBackups,
} from './catalogue/backup-record.ts'
import { backupErrors } from './errors.ts'
import { backUpFiles } from './project/copy-files.ts'
import { renewPersonKeys } from './project/person-keys.ts'
import { wholeProject } from './project/project-set.ts'
import { type RestoredProject, restoreProject } from './project/restore-project.ts'
import { makeScratch, rehearseBackup, type SignedReceipt } from './rehearse/rehearse-backup.ts'
import {
  type AppliedRestore,
  previewRestore,
  type RestoreChoice,
  type RestorePreview,
  restoreBackup,
} from './restore/restore-backup.ts'
import { type Verification, verifyBackup } from './restore/verify-backup.ts'
import type { Retention } from './retention/choose-kept.ts'
import { type PrunedBackups, pruneBackups } from './retention/prune-backups.ts'
import { readTenants, runSlot, type SlotResult } from './schedule/run-slot.ts'
import { takeBackup } from './take/take-backup.ts'
import { openTakeSession } from './take/take-session.ts'

export interface WantedBackup {
  /** As the system declares tenants; empty for what belongs to none, and in a system without tenants. */
  readonly tenant: string
  /** `auto` (default): incremental where the journal allows it. */
  readonly kind?: 'auto' | BackupKind | undefined
  /** For people, 200 characters at most. */
  readonly label?: string | undefined
}

/** How the backups of a tenant do. */
export interface TenantBackups {
  readonly tenant: string
  readonly lastBackup: string
  readonly lastTakenAt: Date
  readonly lastFullAt: Date
  /** The last slot that was seen to, with a backup or because nothing had changed. */
  readonly lastSlot: Date | null
  readonly checkedAt: Date
  /** The last sound rehearsal. */
  readonly rehearsedAt: Date | null
  readonly failures24h: number
  readonly completed24h: number
  readonly backups: number
  readonly bytes: number
  /** How long the last sound rehearsal took to restore it: the measured RTO. Null before the first. */
  readonly restoreMilliseconds: number | null
}

/** Backups of a project, for commands and for systems. */
export interface BackupsOffer {
  /** Takes one now, and gives it when it is complete. Kept until it is deleted. Fails as `takeBackup` does. */
  create(wanted: WantedBackup, by?: string): Promise<BackupRecord>
  /** Asks for one and gives its id at once: a job takes it. SQL has the same as `plinth.request_backup`. */
  request(wanted: WantedBackup, by?: string): Promise<string>
  /** Takes one that was asked for; nothing happens when somebody did. */
  take(id: string): Promise<BackupRecord>
  list(options?: ListOptions): Promise<readonly BackupRecord[]>
  /** Fails with `backup_unknown`. */
  find(id: string): Promise<BackupRecord>
  /** The last one that was taken at or before an instant; undefined when there is none. */
  nearest(tenant: string, at: Date): Promise<BackupRecord | undefined>
  /** What a restore would change now. Fails as `previewRestore` does. */
  preview(choice: RestoreChoice): Promise<RestorePreview>
  /** Puts it back. It is rehearsed before, unless it was. Fails as `restoreBackup` does, and with `backup_not_sound`. */
  restore(choice: RestoreChoice, actor: Actor): Promise<AppliedRestore>
  /** Reads every byte of it. */
  verify(id: string): Promise<Verification>
  /** Restores it into a scratch database and looks. */
  rehearse(id: string): Promise<SignedReceipt>
  /** Of one tenant, or of all. */
  status(tenant?: string): Promise<readonly TenantBackups[]>
  /** The backup of each tenant for the five minutes that it is now; those that are named, or all. */
  runSlot(tenants?: readonly string[], signal?: AbortSignal): Promise<SlotResult>
  /** Every tenant that is backed up by itself. */
  tenants(): Promise<readonly string[]>
  /** Takes one of the whole project: accounts, files, jobs, keys and settings, what every capability keeps. */
  createOfProject(options?: {
    readonly by?: string
    /** Default `manual`: kept until it is deleted. */
    readonly trigger?: BackupRecord['trigger']
  }): Promise<BackupRecord>
  /** Brings a whole project back into an empty database. Fails as `restoreProject` does. */
  restoreProject(): Promise<RestoredProject>
  /** Removes what the retention does not keep. */
  prune(options?: { readonly isDryRun?: boolean }): Promise<PrunedBackups>
}

export interface BackupsOptions {
  readonly context: BackupContext
  readonly retention: Retention
  /** Whether a restore is preceded by a rehearsal. */
  readonly rehearses: boolean
}

export function backupsOfProject({ context, retention, rehearses }: BackupsOptions): BackupsOffer {
  const { database } = context

  const request = async ({ tenant, kind = 'auto', label }: WantedBackup, by?: string) => {
    const { rows } = await database.asOwner<{ id: string }>(sql`
      select plinth.request_backup(${tenant}, ${label ?? null}, ${kind}, ${by ?? null}) as id`)
    return rows[0]!.id
  }
  const take = async (id: string) => {
    const session = await openTakeSession(context)
    try {
      return await takeBackup(context, session, id)
    } finally {
      await session.close()
    }
  }

  const create = async (
    { tenant, kind = 'auto', label }: WantedBackup,
    by?: string,
    trigger: BackupRecord['trigger'] = 'manual',
  ) => {
    const { rows } = await database.asOwner<{ id: string }>(sql`
      insert into plinth.backups (tenant, trigger, wanted, label, requested_by)
      values (${tenant}, ${trigger}, ${kind}, ${label ?? null}, ${by ?? null}) returning id`)
    return take(rows[0]!.id)
  }

  return {
    create: (wanted, by) => create(wanted, by),
    tenants: () => readTenants(context),
    createOfProject: async ({ by, trigger } = {}) => {
      const made = await create({ tenant: wholeProject, kind: 'full' }, by, trigger)
      await renewPersonKeys(context)
      await backUpFiles(context)
      return made
    },
    restoreProject: () => restoreProject(context),
    request,
    take,
    list: (options = {}) => listBackups(database, options),
    find: (id) => findBackup(database, id),
    nearest: (tenant, at) => findNearest(database, tenant, at),
    preview: (choice) => previewRestore(context, choice),
    restore: async (choice, actor) => {
      if (choice.rehearse ?? (rehearses && context.scratch !== null))
        await requireRehearsed(context, choice.id)
      return restoreBackup(context, choice, actor)
    },
    verify: (id) => verifyBackup(context, id),
    rehearse: (id) => rehearseBackup(context, id),
    status: (tenant) => readStatus(context, tenant),
    runSlot: (tenants, signal) => runSlot(context, tenants, signal),
    prune: (options) => pruneBackups(context, retention, options),
  }
}

/** What cannot be restored on trial is not restored in earnest. */
async function requireRehearsed(context: BackupContext, id: string): Promise<void> {
  const { rehearsal } = await findBackup(context.database, id)
  if (rehearsal === 'sound') return
  if (rehearsal === 'failed')
    throw backupErrors.backup_not_sound({ problem: 'its last rehearsal failed, as its receipt says' })
  const { receipt } = await rehearseBackup(context, id)
  if (receipt.outcome === 'failed') throw backupErrors.backup_not_sound({ problem: receipt.problem })
}

interface StatusRow extends Record<string, unknown> {
  readonly tenant: string
  readonly last_backup: string
  readonly last_taken_at: string
  readonly last_full_at: string
  readonly last_slot: string | null
  readonly checked_at: string
  readonly rehearsed_at: string | null
  readonly failures_24h: string
  readonly completed_24h: string
  readonly backups: string
  readonly bytes: string
  readonly restore_milliseconds: string | null
}

async function readStatus({ database }: BackupContext, tenant?: string): Promise<readonly TenantBackups[]> {
  const { rows } = await database.asOwner<StatusRow>(
    sql`select * from plinth.backup_status(${tenant ?? null}) order by tenant`,
  )
  return rows.map((row) => ({
    tenant: row.tenant,
    lastBackup: row.last_backup,
    lastTakenAt: new Date(row.last_taken_at),
    lastFullAt: new Date(row.last_full_at),
    lastSlot: row.last_slot === null ? null : new Date(row.last_slot),
    checkedAt: new Date(row.checked_at),
    rehearsedAt: row.rehearsed_at === null ? null : new Date(row.rehearsed_at),
    failures24h: Number(row.failures_24h),
    completed24h: Number(row.completed_24h),
    backups: Number(row.backups),
    bytes: Number(row.bytes),
    restoreMilliseconds: row.restore_milliseconds === null ? null : Number(row.restore_milliseconds),
  }))
}

/** One scratch database for all that are to be rehearsed: making it takes longer than most rehearsals. */
export async function rehearseAll(
  context: BackupContext,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (ids.length === 0) return
  const scratch = await makeScratch(context)
  try {
    for (const id of ids) {
      if (signal.aborted) return
      const { receipt } = await rehearseBackup(context, id, scratch).catch((error: unknown) => {
        // Its retention may have passed meanwhile.
        if (hasCode(error, 'backup_not_complete')) return { receipt: null }
        throw error
      })
      if (receipt?.outcome === 'failed')
        context.log.error(
          { backup: id, tenant: receipt.tenant, problem: receipt.problem },
          'a backup cannot be restored',
        )
    }
  } finally {
    await scratch.drop()
  }
}
