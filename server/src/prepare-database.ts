import { readAuthMigrations } from '@plinth/platform/auth'
import {
  applyMigrations,
  type ClusterAddresses,
  type ProjectAddresses,
  provisionProject,
  readPlatformMigrations,
} from '@plinth/platform/database'
import { readHoldsMigrations } from '@plinth/platform/holds'
import { migrateJobQueue, readJobMigrations } from '@plinth/platform/jobs'
import { readJournalMigrations } from '@plinth/platform/journal'
import { readRealtimeMigrations } from '@plinth/platform/realtime'
import type { SystemDeclaration } from '@plinth/platform/system'
import { readTailMigrations } from '@plinth/platform/tail'
import { readWebhookMigrations } from '@plinth/platform/webhooks'
import type { ProjectSecrets } from './project-secrets.ts'

/** Makes sure that a system's roles, database and schema are there and up to date. Safe to repeat and to race. */
export async function prepareDatabase(
  system: SystemDeclaration,
  cluster: ClusterAddresses,
  { database }: ProjectSecrets,
): Promise<ProjectAddresses> {
  const addresses = await provisionProject(cluster, system.name, database)
  const sets = await Promise.all([...platformSets(), system.migrations()])
  await applyMigrations(addresses, sets)
  await migrateJobQueue(addresses.ownerDirect)
  return addresses
}

/** What stands in every project's database before the system's own migrations, in order of dependence. */
const platformSets = () => [
  readPlatformMigrations(),
  readAuthMigrations(),
  readHoldsMigrations(),
  readJobMigrations(),
  readTailMigrations(),
  readJournalMigrations(),
  readWebhookMigrations(),
  readRealtimeMigrations(),
]
