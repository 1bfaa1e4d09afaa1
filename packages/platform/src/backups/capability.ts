import type { z } from 'zod'
import { type Actor, actorOf, type ProjectDatabase } from '../database/index.ts'
import { journalOffer } from '../journal/index.ts'
import { storageOffer } from '../storage/index.ts'
import { type CapabilityProject, defineCapability, offerKey } from '../system/index.ts'
import { settleAnywhere } from '../tail/index.ts'
import type { BackupContext } from './backup-context.ts'
import { backupFigures, checkBackups } from './backup-figures.ts'
import { backupJobs } from './backup-jobs.ts'
import { type BackupsOffer, backupsOfProject } from './backups-of-project.ts'
import type { BackupsDeclaration } from './declaration.ts'
import { createKeyRing } from './format/key-ring.ts'
import { readBackupMigrations } from './migrations.ts'
import { openPlaces } from './places.ts'
import type { RestoreChoice } from './restore/restore-backup.ts'
import { type BackupSettings, backupSettings } from './settings.ts'

/** What handlers find as `ctx.backups`: the same as commands have, in the caller's name. Who may is the handler's to ask. */
export interface CallerBackups extends Omit<BackupsOffer, 'restore' | 'restoreProject' | 'prune' | 'take'> {
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
  const by = actor.user ?? actor.role
  return {
    ...offer,
    create: (wanted) => offer.create(wanted, by),
    createOfProject: (given = {}) => offer.createOfProject({ by, ...given }),
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
    bytes: project.offer(storageOffer).bytes,
    filesKey: project.deriveKey('backups/files'),
    secretFiles: project.secretFiles,
    storageDays: project.offer(storageOffer).retentionDays,
    journalKey: project.offer(journalOffer).key,
    tail: settleAnywhere(tail, database),
    hooks,
    scratch,
    fullEveryHours: settings.fullEveryHours,
    clock,
    log,
  }
}
