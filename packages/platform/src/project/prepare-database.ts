import {
  applyMigrations,
  type ClusterAddresses,
  type MigrationSet,
  type ProjectAddresses,
  provisionProject,
  readPlatformMigrations,
} from '../database/index.ts'
import { migrateJobQueue, readJobMigrations } from '../jobs/index.ts'
import { noteSchemaChanges } from '../journal/index.ts'
import type { AnyCapability, SystemDeclaration } from '../system/index.ts'
import { readTailMigrations } from '../tail/index.ts'
import { capabilitiesOf } from './capabilities.ts'
import { checkTables } from './check-tables.ts'
import type { ProjectSecrets } from './project-secrets.ts'

/** Makes sure that a system's roles, database and schema are there and up to date. Safe to repeat and to race. */
export async function prepareDatabase(
  system: SystemDeclaration,
  cluster: ClusterAddresses,
  { database }: Pick<ProjectSecrets, 'database'>,
): Promise<ProjectAddresses> {
  const addresses = await provisionProject(cluster, system.name, database)
  const sets = await readProjectMigrations(system)
  await applyMigrations(addresses, sets)
  await noteSchemaChanges(cluster, addresses)
  await checkTables(system, sets.at(-1)!, addresses.ownerDirect)
  await migrateJobQueue(addresses.ownerDirect)
  return addresses
}

/** What a project's database is made of, in order: the ground, the capabilities that it uses, the system's own. */
export function readProjectMigrations(
  system: SystemDeclaration,
  capabilities: readonly AnyCapability[] = capabilitiesOf(system),
): Promise<MigrationSet[]> {
  return Promise.all([
    readPlatformMigrations(),
    readJobMigrations(),
    readTailMigrations(),
    ...capabilities.flatMap((capability) => capability.migrations?.() ?? []),
    system.migrations(),
  ])
}
