import {
  applyMigrations,
  type ClusterAddresses,
  type ProjectAddresses,
  provisionProject,
  readPlatformMigrations,
} from '@plinth/platform/database'
import { migrateJobQueue, readJobMigrations } from '@plinth/platform/jobs'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { ProjectSecrets } from './project-secrets.ts'

/** Makes sure that a system's roles, database and schema are there and up to date. Safe to repeat and to race. */
export async function prepareDatabase(
  system: SystemDeclaration,
  cluster: ClusterAddresses,
  { passwords }: ProjectSecrets,
): Promise<ProjectAddresses> {
  const addresses = await provisionProject(cluster, system.name, passwords)
  const sets = await Promise.all([readPlatformMigrations(), readJobMigrations(), system.migrations()])
  await applyMigrations(addresses.ownerDirect, sets)
  await migrateJobQueue(addresses.ownerDirect)
  return addresses
}
