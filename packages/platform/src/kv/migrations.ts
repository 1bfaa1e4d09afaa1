import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What the key-value store keeps in a project that uses it. */
export const readKvMigrations = (): Promise<MigrationSet> =>
  readMigrations('kv', new URL('./sql/migrations/', import.meta.url))
