import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './committed-transaction.ts'
export * from './consumers/consumer.ts'
export * from './consumers/webhooks/create-webhook-consumer.ts'
export * from './consumers/webhooks/create-webhook-sender.ts'
export * from './consumers/webhooks/prune-webhooks.ts'
export {
  addWebhookEndpoint,
  type NewWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
} from './consumers/webhooks/webhook-endpoints.ts'
export * from './create-tail.ts'
export * from './errors.ts'
export * from './journal/archive-journal.ts'
export * from './journal/create-journal.ts'
export { eraseSubject } from './journal/seal-values.ts'
export * from './journal/show-journal.ts'
export * from './journal/verify-journal.ts'
export * from './position.ts'
export * from './publication/synchronise-publication.ts'
export * from './rewind/apply-rewind.ts'
export * from './rewind/preview-rewind.ts'
export type { RewindTarget } from './rewind/rewind-point.ts'
export * from './settle-elsewhere.ts'
export * from './tail.ts'

/** What the tail and the journal keep in every project's database. */
export const readTailMigrations = (): Promise<MigrationSet> =>
  readMigrations('tail', new URL('./sql/migrations/', import.meta.url))
