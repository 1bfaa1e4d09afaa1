import { createLimiters, type Limiters, type Listening, listen } from '@plinth/platform/http'
import type { AppError, Clock, Config, Log } from '@plinth/platform/kernel'
import { checkDeclaration } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import { serverErrors } from '../errors.ts'
import { createEntrance } from './create-entrance.ts'
import { type Clusters, openEngines } from './open-engines.ts'
import { openSlots, type ProjectSlots } from './project-slots.ts'
import { type StartedProject, startProject } from './start-project.ts'

export interface ServerOptions {
  readonly config: Config
  readonly systems: readonly SystemDeclaration[]
  readonly clock: Clock
  readonly log: Log
  /** Called when PostgreSQL is lost for good; the process had better end. */
  readonly onEngineLost: (error: AppError) => void
  /** Called when a project answers that had not started before. */
  readonly onProjectReady?: () => void
  /** How long the others wait for a project that does not start. Milliseconds, default 30,000. */
  readonly startPatience?: number
}

/** A server that answers. */
export interface RunningServer {
  /** The address that clients use, without a trailing slash. */
  readonly url: string
  readonly port: number
  /** Those that answer now. */
  readonly projects: readonly StartedProject[]
  /** Why systems have not started, by name; they are tried again. */
  readonly unavailable: Readonly<Record<string, string>>
  /** Finishes what is in flight, then stops everything it started. */
  stop(): Promise<void>
}

/** How long requests in flight may go on when the server stops. Milliseconds. */
const stopGrace = 10_000

/**
 * Starts PostgreSQL, every system and the HTTP server. A system that does not start is tried again while the others serve;
 * when none does, or another part fails, whatever was started is stopped again.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, systems, clock, log, startPatience = defaultPatience } = options
  systems.forEach(checkDeclaration)
  requireUniqueFunctions(systems)
  const clusters = await openEngines({ ...options, systems: systems.map(({ name }) => name) })
  const limiters = createLimiters({ redisUrl: config.redisUrl, log })
  let slots: ProjectSlots | undefined
  const closeAll = () => closeParts(slots, clusters, limiters)
  const start = (system: SystemDeclaration) => {
    const cluster = clusters.of(system.name)
    const url = `${urlOf(config)}/${system.name}`
    return startProject({ system, cluster, config, url, createLimiter: limiters.create, clock, log })
  }
  try {
    const entrance = createEntrance(options)
    const onReady = () => {
      if (slots) entrance.serve(slots)
      options.onProjectReady?.()
    }
    const opened = await openSlots(start, startPatience, { ...options, onReady })
    slots = opened
    entrance.serve(opened)
    const listening = await listen({ ...entrance, host: config.host, port: config.port })
    return {
      url: urlOf(config, listening.port),
      port: listening.port,
      get projects() {
        return opened.ready
      },
      get unavailable() {
        return opened.unavailable
      },
      stop: () => stopAll(listening, opened.ready, closeAll),
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

const defaultPatience = 30_000

/** The address that clients use: the configured one, or where the server listens. */
const urlOf = ({ publicUrl, host, port }: Config, listening = port): string =>
  publicUrl ?? `http://${reachable[host] ?? (host.includes(':') ? `[${host}]` : host)}:${listening}`

/** Who listens on every address is reached at one of them. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }

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
  slots: ProjectSlots | undefined,
  clusters: Clusters,
  limiters: Limiters,
): Promise<void> {
  const [closed] = await Promise.allSettled([slots?.close()])
  await limiters.close()
  await clusters.stop()
  if (closed.status === 'rejected') throw closed.reason
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
