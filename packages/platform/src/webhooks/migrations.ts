import { type MigrationSet, readMigrations } from '../database/index.ts'

/** What outgoing webhooks keep in a project that uses them. */
export const readWebhookMigrations = (): Promise<MigrationSet> =>
  readMigrations('webhooks', new URL('./sql/migrations/', import.meta.url))
