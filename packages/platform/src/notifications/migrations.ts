import { type MigrationSet, readMigrations } from '../database/index.ts'

/** Tables that a system has itself, and declares with `plinth.map_notifications` in its own migrations. */
export interface BroughtTables {
  /** In-app messages. */
  readonly inApp?: boolean
  readonly preferences?: boolean
}

/** The queue and its functions, and the tables for clients that the system does not bring. */
export async function readNotificationMigrations({
  inApp = false,
  preferences = false,
}: BroughtTables = {}): Promise<MigrationSet> {
  const set = await readMigrations('notifications', new URL('./sql/migrations/', import.meta.url))
  const left = [...(inApp ? ['003_in_app'] : []), ...(preferences ? ['004_preferences'] : [])]
  return { ...set, migrations: set.migrations.filter(({ name }) => !left.includes(name)) }
}
