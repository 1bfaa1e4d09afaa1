import { type MigrationSet, readMigrations } from '../../database/index.ts'

/** What the rest surface keeps in a project. */
export const readRestMigrations = (): Promise<MigrationSet> =>
  readMigrations('rest', new URL('./migrations/', import.meta.url))
