import { type MigrationSet, readMigrations } from '../database/index.ts'

export * from './committed-transaction.ts'
export * from './consumers/consumer.ts'
export { sliceBounds } from './consumers/deliver.ts'
export * from './create-tail.ts'
export * from './errors.ts'
export * from './position.ts'
export * from './publication/synchronise-publication.ts'
export * from './settle-elsewhere.ts'
export * from './standing-tail.ts'
export { postgresEpoch } from './stream/decode-changes.ts'
export * from './stream/row-change.ts'
export * from './stream/streamed-chunk.ts'
export * from './tail.ts'

/** What the stream keeps in every project's database. */
export const readTailMigrations = (): Promise<MigrationSet> =>
  readMigrations('tail', new URL('./sql/migrations/', import.meta.url), 'journal')
