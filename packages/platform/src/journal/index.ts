import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './archive-journal.ts'
export * from './create-journal.ts'
export * from './errors.ts'
export { readJournalledTables } from './journal-tables.ts'
export * from './publish-tables.ts'
export { createOpener, eraseSubject, isSealed, type SealedImage, type SealedValue } from './seal-values.ts'
export * from './show-journal.ts'
export * from './verify-journal.ts'

/** What the journal keeps in every project's database. */
export const readJournalMigrations = (): Promise<MigrationSet> =>
  readMigrations('journal', new URL('./sql/migrations/', import.meta.url))
