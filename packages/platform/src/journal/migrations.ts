import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What the journal keeps in every project that uses it. */
export const readJournalMigrations = (): Promise<MigrationSet> =>
  readMigrations('journal', new URL('./sql/migrations/', import.meta.url), 'journal')
