import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What flags keep in a project that uses them. */
export const readFlagsMigrations = (): Promise<MigrationSet> =>
  readMigrations('flags', new URL('./sql/migrations/', import.meta.url))
