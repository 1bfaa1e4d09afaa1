import {
  createApp,
  createProjectDirectory,
  type HealthCheck,
  type Listening,
  listen,
} from '@plinth/platform/http'
import type { AppError, Clock, Config, Log } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import { serverErrors } from './errors.ts'
import { type Clusters, openEngines } from './open-engines.ts'
import { openProject, type Project } from './open-project.ts'

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
  readonly projects: readonly Project[]
  /** Finishes what is in flight, then stops everything it started. */
  stop(): Promise<void>
}

/** How long requests in flight may go on when the server stops. Milliseconds. */
const stopGrace = 10_000

/** Starts PostgreSQL, every system and the HTTP server; whatever was started is stopped again when a part fails. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, systems } = options
  requireUniqueFunctions(systems)
  const clusters = await openEngines({ ...options, systems: systems.map(({ name }) => name) })
  const projects: Project[] = []
  try {
    const opening = systems.map(async (system) => projects.push(await openSystem(system, clusters, options)))
    await settleAll(opening)
    const listening = await listenFor(projects, clusters, options)
    const url = config.publicUrl ?? `http://${config.host}:${listening.port}`
    return { url, port: listening.port, projects, stop: () => stopAll(listening, projects, clusters) }
  } catch (error) {
    await closeAll(projects, clusters)
    throw error
  }
}

function openSystem(system: SystemDeclaration, clusters: Clusters, { config, clock, log }: ServerOptions) {
  return openProject({ system, cluster: clusters.of(system.name), dataDir: config.dataDir, clock, log })
}

function listenFor(projects: readonly Project[], clusters: Clusters, { config, clock, log }: ServerOptions) {
  const directory = createProjectDirectory(projects)
  const health = projects.flatMap((project) => [...project.health, replicationCheck(project, clusters)])
  const app = createApp({ directory, health, clock, log })
  return listen({
    app,
    host: config.host,
    port: config.port,
    onUpgrade: (_request, socket) => socket.destroy(),
  })
}

/** Without logical replication the server runs; health says what is off. */
function replicationCheck({ name }: Project, clusters: Clusters): HealthCheck {
  const { engine } = clusters.of(name)
  return {
    name: `${name}/replication`,
    check: () =>
      engine.logicalReplication
        ? { status: 'ok' }
        : {
            status: 'degraded',
            detail: { off: 'realtime changes, journal, rewind', why: 'wal_level is not logical' },
          },
  }
}

async function stopAll(
  listening: Listening,
  projects: readonly Project[],
  clusters: Clusters,
): Promise<void> {
  await listening.stop(stopGrace)
  await closeAll(projects, clusters)
}

async function closeAll(projects: readonly Project[], clusters: Clusters): Promise<void> {
  await Promise.allSettled(projects.map((project) => project.close()))
  await clusters.stop()
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
