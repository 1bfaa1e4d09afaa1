import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What health history and alerts keep in a project that uses them. */
export const readAlertsMigrations = (): Promise<MigrationSet> =>
  readMigrations('alerts', new URL('./sql/migrations/', import.meta.url))
