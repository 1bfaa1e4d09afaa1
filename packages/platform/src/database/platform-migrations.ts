import { type MigrationSet, readMigrations } from './migrations/read-migrations.ts'

/** The schemas and functions that every system's database starts with. */
export const readPlatformMigrations = (): Promise<MigrationSet> =>
  readMigrations('platform', new URL('./platform-sql/', import.meta.url))
