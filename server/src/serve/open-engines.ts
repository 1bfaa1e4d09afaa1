import { connectExternalEngine, type Engine, startEmbeddedEngine } from '@plinth/platform/database'
import type { AppError, Config, DatabaseAddress, Log } from '@plinth/platform/kernel'

/** The cluster that a system's database is in. */
export interface Cluster {
  readonly engine: Engine
  /** Administrator's addresses: for requests, perhaps through a pooler, and straight to PostgreSQL. */
  readonly addresses: DatabaseAddress
}

export interface EngineOptions {
  readonly config: Config
  readonly systems: readonly string[]
  readonly log: Log
  readonly onEngineLost: (error: AppError) => void
}

/** Every cluster that the systems need, each started or connected to once. */
export interface Clusters {
  of(system: string): Cluster
  stop(): Promise<void>
}

/** Starts the embedded PostgreSQL unless all systems are elsewhere, and connects to the others. */
export async function openEngines(options: EngineOptions): Promise<Clusters> {
  const { config, systems } = options
  const opened = new Map<string, Promise<Cluster>>()
  const open = (system: string): Promise<Cluster> => {
    const address = config.systems[system] ?? config.cluster
    const key = address?.directUrl ?? 'embedded'
    const sharing = systems.filter(
      (other) => (config.systems[other] ?? config.cluster)?.directUrl === address?.directUrl,
    )
    const cluster = opened.get(key) ?? (address ? connect(address, sharing, options) : startEmbedded(options))
    opened.set(key, cluster)
    return cluster
  }
  const clusters = new Map(
    await Promise.all(systems.map(async (system) => [system, await open(system)] as const)),
  )
  return {
    of: (system) => clusters.get(system)!,
    stop: async () => {
      await Promise.all([...new Set(clusters.values())].map(({ engine }) => engine.stop()))
    },
  }
}

async function startEmbedded({ config, log, onEngineLost }: EngineOptions): Promise<Cluster> {
  const engine = await startEmbeddedEngine({ dataDir: config.dataDir, log, onGiveUp: onEngineLost })
  return { engine, addresses: { url: engine.adminUrl(), directUrl: engine.adminUrl() } }
}

async function connect(
  address: DatabaseAddress,
  systems: readonly string[],
  { log }: EngineOptions,
): Promise<Cluster> {
  const engine = await connectExternalEngine({ address, systems, log })
  return { engine, addresses: { url: address.url, directUrl: engine.adminUrl() } }
}
