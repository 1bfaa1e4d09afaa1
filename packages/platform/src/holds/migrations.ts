import { type MigrationSet, readMigrations } from '../database/index.ts'

/** The SQL of holds: docs/holds.md has its functions and the tables of states. */
export const readHoldsMigrations = (): Promise<MigrationSet> =>
  readMigrations('holds', new URL('./sql/migrations/', import.meta.url))
