import { type MigrationSet, readMigrations } from '../database/index.ts'

/** The SQL of backups: what is known of them, and how SQL asks for one. */
export const readBackupMigrations = (): Promise<MigrationSet> =>
  readMigrations('backups', new URL('./sql/migrations/', import.meta.url))
