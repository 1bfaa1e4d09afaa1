import type { z } from 'zod'
import { defineCapability, offerKey } from '../system/index.ts'
import type { ByteStore } from './bytes/byte-store.ts'
import { type CallerFiles, createCallerFiles } from './files/caller-files.ts'
import { readStorageMigrations } from './migrations.ts'
import { openStorage } from './open-storage.ts'
import { personHooks, tenantHooks } from './owners/owner-hooks.ts'
import { expireUploads } from './resumable/expire-uploads.ts'
import { storageSettings } from './settings.ts'
import { createStorageSurface } from './storage-surface.ts'
import { checkStorage } from './upkeep/check-storage.ts'
import { type BucketUsage, readUsage } from './upkeep/read-usage.ts'
import { type ReconcileOptions, type Reconciliation, reconcileBytes } from './upkeep/reconcile-bytes.ts'
import { storageJobs } from './upkeep/storage-jobs.ts'
import { type SweepOptions, type Swept, sweepBytes } from './upkeep/sweep-bytes.ts'

/** What storage gives to commands. */
export interface StorageOffer {
  /** Compares rows and bytes, both ways. */
  reconcile(options?: ReconcileOptions): Promise<Reconciliation>
  /** Removes bytes that nothing names any more. */
  sweep(options?: SweepOptions): Promise<Swept>
  /** What each bucket takes, and gave this month. */
  usage(): Promise<readonly BucketUsage[]>
  /** The bytes as they are at rest, by the names in `plinth.storage_blobs`: for backups. */
  readonly bytes: ByteStore
  /** Days for which the bytes of removed files are kept. */
  readonly retentionDays: number
}

export const storageOffer = offerKey<StorageOffer>('storage')

/** Files in buckets: Supabase's storage API over a disk or S3. */
export const storage = (defaults: z.input<typeof storageSettings> = {}) =>
  defineCapability({
    name: 'storage',
    migrations: readStorageMigrations,
    settings: storageSettings,
    defaults,
    open: (project) => {
      const opened = openStorage(project)
      const offer: StorageOffer = {
        reconcile: (options) => reconcileBytes(opened, options),
        sweep: (options) => sweepBytes(opened, options),
        usage: async () => {
          await opened.traffic.flush()
          return readUsage(project.database, project.clock)
        },
        bytes: opened.vault.store,
        retentionDays: project.settings.retentionDays,
      }
      return {
        context: ({ db }): { files: CallerFiles } => ({ files: createCallerFiles(opened, db.caller) }),
        offer,
        surfaces: [createStorageSurface(opened)],
        jobs: storageJobs(opened, () => expireUploads(opened)),
        ...(project.settings.tenantFolders ? { tenantHooks: tenantHooks(opened) } : {}),
        personHooks: personHooks(opened),
        health: [{ name: 'storage', check: () => checkStorage(opened) }],
        start: async () => opened.traffic.start(),
        close: () => opened.traffic.stop(),
      }
    },
  })
