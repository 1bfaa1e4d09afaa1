import { type MigrationSet, readMigrations } from '../database/index.ts'

/**
 * Timed claims on counted things, enforced in SQL: `plinth.place_holds`, `commit_holds`, `release_holds`,
 * `set_on_hand`, `availability`. A system's own SQL calls them; docs/holds.md has the table of states.
 */
export const readHoldsMigrations = (): Promise<MigrationSet> =>
  readMigrations('holds', new URL('./sql/migrations/', import.meta.url))
