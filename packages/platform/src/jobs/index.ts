import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './define-job.ts'
export * from './errors.ts'
export * from './job-runner.ts'
export * from './prune-runs.ts'
export * from './queue-job.ts'
export * from './run-due-jobs.ts'
export type { ExtendJobContext } from './run-job.ts'
export { declareJobs } from './schedule-jobs.ts'
export { nextTick } from './ticks.ts'

/** Tables and functions around the queue; the queue's own come by `migrateJobQueue`. */
export const readJobMigrations = (): Promise<MigrationSet> =>
  readMigrations('jobs', new URL('./sql/migrations/', import.meta.url))
