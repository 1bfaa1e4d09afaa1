import { type ClusterAddresses, projectAddresses } from '@plinth/platform/database'
import { type Clock, type Config, hasCode, type Log } from '@plinth/platform/kernel'
import { openProject, openProjectSecrets, type Project, prepareDatabase } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import { settleElsewhere, type Tail } from '@plinth/platform/tail'
import { openEngines } from '../serve/open-engines.ts'
import { readStatus } from './status-file.ts'

/** What a command works with: a project that is open and not started. */
export interface CommandProject extends Project {
  /** True when a server runs on the data folder: the stream is its, and jobs that are added run at once. */
  readonly served: boolean
  /** What everything that is sealed at rest can be opened with, base64. */
  readonly sealingKey: string
  /** Runs `work` with a tail that can settle: the running server's, or one that lives as long as `work`. */
  withTail<T>(work: (tail: Pick<Tail, 'settle'>) => Promise<T>): Promise<T>
}

export interface WithProjectOptions {
  readonly config: Config
  readonly system: SystemDeclaration
  readonly clock: Clock
  readonly log: Log
  /** True: beside a running server the database is taken as that one has prepared it; no role is altered. Default: false. */
  readonly asServed?: boolean
}

/**
 * Runs a command on a project: beside the running server if there is one, else on a PostgreSQL that is started for the
 * command and stopped after it.
 */
export async function withProject<T>(
  options: WithProjectOptions,
  work: (project: CommandProject) => Promise<T>,
): Promise<T> {
  const { config, system, log } = options
  const running = await readStatus(config.dataDir).catch((error: unknown) => {
    if (!hasCode(error, 'not_running')) throw error
    return undefined
  })
  const cluster = running?.clusters[system.name]
  if (running && cluster) {
    const url = `${running.url}/${system.name}`
    const logicalReplication = !running.without_changes.includes(system.name)
    return withCluster(options, { addresses: cluster, logicalReplication, url, served: true }, work)
  }
  const clusters = await openEngines({ config, systems: [system.name], log, onEngineLost: () => undefined })
  try {
    const { addresses, engine } = clusters.of(system.name)
    const { logicalReplication } = engine
    return await withCluster(options, { addresses, logicalReplication, url: '', served: false }, work)
  } finally {
    await clusters.stop()
  }
}

interface Surroundings {
  readonly addresses: ClusterAddresses
  readonly logicalReplication: boolean
  readonly url: string
  readonly served: boolean
}

async function withCluster<T>(
  { config, system, clock, log, asServed = false }: WithProjectOptions,
  { addresses: cluster, logicalReplication, url, served }: Surroundings,
  work: (project: CommandProject) => Promise<T>,
): Promise<T> {
  const { dataDir, redisUrl } = config
  const secrets = await openProjectSecrets(dataDir, system.name)
  const addresses =
    asServed && served
      ? projectAddresses(cluster, system.name, secrets.database)
      : await prepareDatabase(system, cluster, secrets)
  const environment = config.settings[system.name] ?? {}
  const project = await openProject({
    system,
    addresses,
    cluster,
    secrets,
    logicalReplication,
    dataDir,
    environment,
    url,
    redisUrl,
    clock,
    log,
  })
  try {
    return await work({
      ...project,
      served,
      sealingKey: secrets.sealingKey.toString('base64'),
      withTail: (tailWork) => withTail(project, served, tailWork),
    })
  } finally {
    await project.close()
  }
}

async function withTail<T>(
  project: Project,
  served: boolean,
  work: (tail: Pick<Tail, 'settle'>) => Promise<T>,
): Promise<T> {
  if (served) return work(settleElsewhere(project.database))
  project.tail.start()
  return work(project.tail)
}
