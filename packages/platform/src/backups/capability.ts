import type { z } from 'zod'
import { type Actor, actorOf, type ProjectDatabase, type Statement } from '../database/index.ts'
import { journalOffer } from '../journal/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import { settleAnywhere } from '../tail/index.ts'
import type { BackupContext } from './backup-context.ts'
import { backupFigures, checkBackups } from './backup-figures.ts'
import { backupJobs } from './backup-jobs.ts'
import { type BackupsOffer, backupsOfProject } from './backups-of-project.ts'
import { createKeyRing } from './format/key-ring.ts'
import { readBackupMigrations } from './migrations.ts'
import { openPlaces } from './places.ts'
import type { RestoreChoice } from './restore/restore-backup.ts'
import type { SetDeclaration } from './set/tenant-set.ts'
import { type BackupSettings, backupSettings } from './settings.ts'

/** What a system says of its backups beside its settings. */
export interface BackupsDeclaration extends SetDeclaration {
  /** The query of the tenants that are backed up by themselves, as `tenant`. Default: every row of the root table. */
  readonly tenants?: Statement
  /** What must hold after every restore: a query of the rows for which it does not. */
  readonly invariants?: readonly { readonly name: string; violations(tenant: string): Statement }[]
  /** Columns whose sums a preview shows before and after. */
  readonly money?: readonly { readonly table: string; readonly column: string }[]
}

/** What handlers find as `ctx.backups`: the same as commands have, in the caller's name. Who may is the handler's to ask. */
export interface CallerBackups
  extends Pick<
    BackupsOffer,
    | 'list'
    | 'find'
    | 'nearest'
    | 'preview'
    | 'verify'
    | 'rehearse'
    | 'status'
    | 'runSlot'
    | 'create'
    | 'request'
  > {
  restore(choice: RestoreChoice): ReturnType<BackupsOffer['restore']>
}

export const backupsOffer = offerKey<BackupsOffer>('backups')

/** Backups of every tenant, proven by restoring them. */
export const backups = ({
  derived,
  leaves,
  facts,
  tenants,
  invariants,
  money,
  ...defaults
}: BackupsDeclaration & z.input<typeof backupSettings> = {}) =>
  defineCapability({
    name: 'backups',
    requires: ['journal', 'storage'],
    migrations: readBackupMigrations,
    settings: backupSettings,
    defaults,
    open: (project) => {
      const { settings, database } = project
      const declaration: BackupsDeclaration = {
        derived: derived ?? [],
        leaves: leaves ?? [],
        facts: facts ?? [],
        ...(tenants ? { tenants } : {}),
        invariants: invariants ?? [],
        money: money ?? [],
      }
      const context = createContext(project, declaration)
      const offer = backupsOfProject({ context, retention: settings, rehearses: settings.rehearse })
      return {
        offer,
        context: ({ db }): { backups: CallerBackups } => ({
          backups: inTheNameOf(offer, actorOf(db.caller)),
        }),
        jobs: backupJobs(context, offer, settings),
        figures: backupFigures(database, project.clock),
        health: [{ name: 'backups', check: () => checkBackups(context, settings.schedule) }],
      }
    },
  })

function inTheNameOf(offer: BackupsOffer, actor: Actor): CallerBackups {
  const { list, find, nearest, preview, verify, rehearse, status, runSlot } = offer
  const by = actor.user ?? actor.role
  return {
    list,
    find,
    nearest,
    preview,
    verify,
    rehearse,
    status,
    runSlot,
    create: (wanted) => offer.create(wanted, by),
    request: (wanted) => offer.request(wanted, by),
    restore: (choice) => offer.restore(choice, actor),
  }
}

function createContext(
  project: CapabilityProject<BackupSettings>,
  declaration: BackupsDeclaration,
): BackupContext {
  const { system, database, settings, hooks, scratch, clock, log, tail } = project
  const current: Buffer =
    settings.key === undefined ? project.deriveKey('backups') : Buffer.from(settings.key, 'base64')
  const old: Buffer[] = settings.oldKeys.map((key) => Buffer.from(key, 'base64'))
  // Backups from before a key of their own was set stay readable.
  if (settings.key !== undefined) old.push(project.deriveKey('backups'))
  return {
    system,
    declaration,
    database: database satisfies ProjectDatabase,
    ...openPlaces(project),
    ring: createKeyRing([current, ...old]),
    journalKey: project.offer(journalOffer).key,
    tail: settleAnywhere(tail, database),
    hooks,
    scratch,
    fullEveryHours: settings.fullEveryHours,
    clock,
    log,
  }
}
