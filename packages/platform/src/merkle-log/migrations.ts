import { type MigrationSet, readMigrations } from '../database/index.ts'

/** The tables of Merkle logs. */
export const readMerkleLogMigrations = (): Promise<MigrationSet> =>
  readMigrations('merkle-log', new URL('./sql/migrations/', import.meta.url))
