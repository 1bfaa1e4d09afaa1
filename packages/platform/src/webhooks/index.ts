import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './create-webhook-consumer.ts'
export * from './create-webhook-sender.ts'
export * from './errors.ts'
export * from './prune-webhooks.ts'
export {
  addWebhookEndpoint,
  type NewWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
} from './webhook-endpoints.ts'

/** What outgoing webhooks keep in every project's database. */
export const readWebhookMigrations = (): Promise<MigrationSet> =>
  readMigrations('webhooks', new URL('./sql/migrations/', import.meta.url))
