import {
  applyMigrations,
  openProjectDatabase,
  type ProjectDatabase,
  provisionProject,
  readPlatformMigrations,
} from '@plinth/platform/database'
import { createFunctionsSurface } from '@plinth/platform/functions'
import type { HealthCheck, HostedProject } from '@plinth/platform/http'
import { type JobRunner, migrateJobQueue, readJobMigrations, startJobRunner } from '@plinth/platform/jobs'
import type { Clock, Log } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { Cluster } from './open-engines.ts'
import { openProjectSecrets, type ProjectSecrets } from './project-secrets.ts'

/** A system that runs: its database is up to date, its surfaces answer, its jobs work. */
export interface Project extends HostedProject {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly jobs: JobRunner
  readonly health: readonly HealthCheck[]
  /** Lets running work finish, then closes every connection. */
  close(): Promise<void>
}

export interface ProjectOptions {
  readonly system: SystemDeclaration
  readonly cluster: Cluster
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
}

/** Brings a system's database up to date and opens the project on it. */
export async function openProject(options: ProjectOptions): Promise<Project> {
  const { system, clock } = options
  const log = options.log.child({ system: system.name })
  const secrets = await openProjectSecrets(options.dataDir, system.name, clock)
  const addresses = await prepareDatabase(options, secrets)
  const database = openProjectDatabase({ system: system.name, addresses, log })
  const jobs = await startJobRunner({ database, jobs: system.jobs, clock, log })
  return {
    name: system.name,
    functionNames: new Set(system.functions.map(({ name }) => name)),
    keys: secrets.keys,
    surfaces: [
      createFunctionsSurface({ functions: system.functions, database, clock, isAdmin: system.isAdmin }),
    ],
    system,
    database,
    jobs,
    health: [
      { name: `${system.name}/database`, check: () => checkDatabase(database) },
      { name: `${system.name}/jobs`, check: () => jobs.health() },
    ],
    close: async () => {
      await jobs.stop()
      await database.close()
    },
  }
}

async function prepareDatabase({ system, cluster }: ProjectOptions, { passwords }: ProjectSecrets) {
  const addresses = await provisionProject(cluster.addresses, system.name, passwords)
  const sets = await Promise.all([readPlatformMigrations(), readJobMigrations(), system.migrations()])
  await applyMigrations(addresses.ownerDirect, sets)
  await migrateJobQueue(addresses.ownerDirect)
  return addresses
}

async function checkDatabase(database: ProjectDatabase) {
  await database.asOwner({ text: 'select' })
  return { status: 'ok' as const, detail: { connections: database.usage() } }
}
