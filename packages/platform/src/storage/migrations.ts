import { type MigrationSet, readMigrations } from '../database/index.ts'

/** Buckets, objects and their bytes in a project that uses storage. */
export const readStorageMigrations = (): Promise<MigrationSet> =>
  readMigrations('storage', new URL('./sql/migrations/', import.meta.url))
