import type { CreateLimiter } from '@plinth/platform/http'
import type { Clock, Config, Log } from '@plinth/platform/kernel'
import { openProject, openProjectSecrets, type Project, prepareDatabase } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { Cluster } from './open-engines.ts'

export interface StartOptions {
  readonly system: SystemDeclaration
  readonly cluster: Cluster
  readonly config: Config
  /** The address that clients use for this project, without a trailing slash. */
  readonly url: string
  /** Counts calls, for all nodes together where there are several. */
  readonly createLimiter: CreateLimiter
  readonly clock: Clock
  readonly log: Log
}

/** A project that answers, with the cluster that its database is in. */
export interface StartedProject extends Project {
  readonly cluster: Cluster
}

/** Brings a system's database up to date, opens the project on it and starts it. */
export async function startProject(options: StartOptions): Promise<StartedProject> {
  const { system, cluster, config, url, createLimiter, clock, log } = options
  const { dataDir, redisUrl } = config
  const secrets = await openProjectSecrets(dataDir, system.name)
  const addresses = await prepareDatabase(system, cluster.addresses, secrets)
  const project = await openProject({
    system,
    addresses,
    cluster: cluster.addresses,
    secrets,
    logicalReplication: cluster.engine.logicalReplication,
    dataDir,
    environment: config.settings[system.name] ?? {},
    url,
    redisUrl,
    createLimiter,
    clock,
    log,
  })
  try {
    await project.start()
  } catch (error) {
    await project.close()
    throw error
  }
  return { ...project, cluster }
}
