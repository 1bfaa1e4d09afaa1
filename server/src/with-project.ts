import { openProjectDatabase, type ProjectDatabase } from '@plinth/platform/database'
import { type Clock, type Config, hasCode, type Log } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import { openEngines } from './open-engines.ts'
import { prepareDatabase } from './prepare-database.ts'
import { openProjectSecrets, type ProjectSecrets } from './project-secrets.ts'
import { readStatus } from './status-file.ts'

/** What a command works with: a project's database and secrets, without its surfaces. */
export interface CommandProject {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly secrets: ProjectSecrets
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
  /** The project's address when a server runs on the data folder, else undefined. */
  readonly url: string | undefined
}

export interface WithProjectOptions {
  readonly config: Config
  readonly system: SystemDeclaration
  readonly clock: Clock
  readonly log: Log
}

/**
 * Runs a command on a project: beside the running server if there is one, else on a PostgreSQL that is started for the
 * command and stopped after it.
 */
export async function withProject<T>(
  options: WithProjectOptions,
  work: (project: CommandProject) => Promise<T>,
): Promise<T> {
  const running = await readStatus(options.config.dataDir).catch((error: unknown) => {
    if (!hasCode(error, 'not_running')) throw error
    return undefined
  })
  const cluster = running?.clusters[options.system.name]
  if (running && cluster) return withDatabase(options, cluster, `${running.url}/${options.system.name}`, work)
  const { config, system, log } = options
  const clusters = await openEngines({ config, systems: [system.name], log, onEngineLost: () => undefined })
  try {
    return await withDatabase(options, clusters.of(system.name).addresses, undefined, work)
  } finally {
    await clusters.stop()
  }
}

async function withDatabase<T>(
  { config, system, clock, log }: WithProjectOptions,
  cluster: { readonly url: string; readonly directUrl: string },
  url: string | undefined,
  work: (project: CommandProject) => Promise<T>,
): Promise<T> {
  const { dataDir } = config
  const secrets = await openProjectSecrets(dataDir, system.name, clock)
  const addresses = await prepareDatabase(system, cluster, secrets)
  const database = openProjectDatabase({ system: system.name, addresses, log })
  try {
    return await work({ system, database, secrets, dataDir, clock, log, url })
  } finally {
    await database.close()
  }
}
