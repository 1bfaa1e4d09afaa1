import { type MigrationSet, readMigrations } from '../database/index.ts'

/** Schema `realtime`: private channels' policies, messages from SQL, and the functions that check policies. */
export const readRealtimeMigrations = (): Promise<MigrationSet> =>
  readMigrations('realtime', new URL('./sql/migrations/', import.meta.url))
