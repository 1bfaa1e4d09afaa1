import { type MigrationSet, readMigrations } from '../database/index.ts'

/** The schema `auth`, applied after the platform's own migrations and before the system's. */
export const readAuthMigrations = (): Promise<MigrationSet> =>
  readMigrations('auth', new URL('./sql/migrations/', import.meta.url))
