import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What the cache keeps in a project that uses it. */
export const readCacheMigrations = (): Promise<MigrationSet> =>
  readMigrations('cache', new URL('./sql/migrations/', import.meta.url))
