import { type MigrationSet, readMigrations } from '../database/index.ts'

/** Ledger, documents, inbox, orders and plans of a project that takes payments. */
export const readPaymentMigrations = (): Promise<MigrationSet> =>
  readMigrations('payments', new URL('./sql/migrations/', import.meta.url))
