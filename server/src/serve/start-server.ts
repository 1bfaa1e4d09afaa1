import {
  createApp,
  createLimiters,
  createProjectDirectory,
  createUpgrades,
  type Limiters,
  type Listening,
  listen,
} from '@plinth/platform/http'
import type { AppError, Clock, Config, Log } from '@plinth/platform/kernel'
import { checkDeclaration } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import { serverErrors } from '../errors.ts'
import { type Clusters, openEngines } from './open-engines.ts'
import { type StartedProject, startProject } from './start-project.ts'

export interface ServerOptions {
  readonly config: Config
  readonly systems: readonly SystemDeclaration[]
  readonly clock: Clock
  readonly log: Log
  /** Called when PostgreSQL is lost for good; the process had better end. */
  readonly onEngineLost: (error: AppError) => void
}

/** A server that answers. */
export interface RunningServer {
  /** The address that clients use, without a trailing slash. */
  readonly url: string
  readonly port: number
  readonly projects: readonly StartedProject[]
  /** Finishes what is in flight, then stops everything it started. */
  stop(): Promise<void>
}

/** How long requests in flight may go on when the server stops. Milliseconds. */
const stopGrace = 10_000

/** Starts PostgreSQL, every system and the HTTP server; whatever was started is stopped again when a part fails. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, systems, clock, log } = options
  systems.forEach(checkDeclaration)
  requireUniqueFunctions(systems)
  const clusters = await openEngines({ ...options, systems: systems.map(({ name }) => name) })
  const limiters = createLimiters({ redisUrl: config.redisUrl, log })
  const projects: StartedProject[] = []
  const closeAll = () => closeParts(projects, clusters, limiters)
  try {
    const opening = systems.map(async (system) => {
      const cluster = clusters.of(system.name)
      const url = `${urlOf(config)}/${system.name}`
      const createLimiter = limiters.create
      projects.push(await startProject({ system, cluster, config, url, createLimiter, clock, log }))
    })
    await settleAll(opening)
    const listening = await listenFor(projects, options)
    const url = urlOf(config, listening.port)
    return { url, port: listening.port, projects, stop: () => stopAll(listening, projects, closeAll) }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** The address that clients use: the configured one, or where the server listens. */
const urlOf = ({ publicUrl, host, port }: Config, listening = port): string =>
  publicUrl ?? `http://${reachable[host] ?? (host.includes(':') ? `[${host}]` : host)}:${listening}`

/** Who listens on every address is reached at one of them. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }

function listenFor(projects: readonly StartedProject[], { config, clock, log }: ServerOptions) {
  const directory = createProjectDirectory(projects)
  const health = projects.flatMap((project) => project.health)
  const { trustedProxies, publicUrl } = config
  const app = createApp({ directory, health, clock, log, trustedProxies, publicUrl })
  const onUpgrade = createUpgrades({ directory, log, trustedProxies, publicUrl })
  return listen({ app, host: config.host, port: config.port, onUpgrade })
}

async function stopAll(
  listening: Listening,
  projects: readonly StartedProject[],
  closeAll: () => Promise<void>,
): Promise<void> {
  const disconnected = projects.map((project) => project.disconnect())
  await Promise.all([listening.stop(stopGrace), ...disconnected])
  await closeAll()
}

async function closeParts(
  projects: readonly StartedProject[],
  clusters: Clusters,
  limiters: Limiters,
): Promise<void> {
  const closed = await Promise.allSettled(projects.map((project) => project.close()))
  await limiters.close()
  await clusters.stop()
  for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason
}

/** Waits for all before it fails, so that nothing goes on opening while the rest is closed. */
async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}

function requireUniqueFunctions(systems: readonly SystemDeclaration[]): void {
  const owners = new Map<string, string>()
  for (const system of systems) {
    for (const { name } of system.functions) {
      const first = owners.get(name)
      if (first) throw serverErrors.duplicate_function({ name, first, second: system.name })
      owners.set(name, system.name)
    }
  }
}
