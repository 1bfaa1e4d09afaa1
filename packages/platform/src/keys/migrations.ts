import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What API keys keep in a project that uses them. */
export const readKeysMigrations = (): Promise<MigrationSet> =>
  readMigrations('keys', new URL('./sql/migrations/', import.meta.url))
