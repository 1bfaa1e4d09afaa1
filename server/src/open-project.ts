import { openProjectDatabase, type ProjectDatabase } from '@plinth/platform/database'
import { createFunctionsSurface } from '@plinth/platform/functions'
import type { HealthCheck, HostedProject } from '@plinth/platform/http'
import { type JobRunner, startJobRunner } from '@plinth/platform/jobs'
import type { Clock, Log } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { Cluster } from './open-engines.ts'
import { prepareDatabase } from './prepare-database.ts'
import { openProjectSecrets } from './project-secrets.ts'

/** A system that runs: its database is up to date, its surfaces answer, its jobs work. */
export interface Project extends HostedProject {
  readonly system: SystemDeclaration
  readonly cluster: Cluster
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
  const addresses = await prepareDatabase(system, options.cluster.addresses, secrets)
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
    cluster: options.cluster,
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

async function checkDatabase(database: ProjectDatabase) {
  await database.asOwner({ text: 'select' })
  return { status: 'ok' as const, detail: { connections: database.usage() } }
}
