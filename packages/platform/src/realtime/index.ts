import { type MigrationSet, readMigrations } from '../database/index.ts'

export type { ChangeFeed } from './change-feed.ts'
export * from './errors.ts'
export { defaultLimits, type RealtimeLimitSettings } from './limits/realtime-limits.ts'
export * from './publish-tables.ts'
export * from './realtime-surface.ts'

/** Schema `realtime`: private channels' policies, messages from SQL, and what judges rows. */
export const readRealtimeMigrations = (): Promise<MigrationSet> =>
  readMigrations('realtime', new URL('./sql/migrations/', import.meta.url))
