import {
  createApp,
  createProjectDirectory,
  createUpgrades,
  type HealthCheck,
  type HostedProject,
  type ListenOptions,
} from '@plinth/platform/http'
import type { Clock, Config, Log } from '@plinth/platform/kernel'

interface EntranceOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
}

interface Hosted {
  readonly hosted: readonly HostedProject[]
  readonly health: readonly HealthCheck[]
}

/** What the socket of the server hands requests to. Which projects answer may change while it listens. */
export interface Entrance extends Required<Pick<ListenOptions, 'app' | 'onUpgrade'>> {
  /** From now on these projects answer; requests under way end where they began. */
  serve(projects: Hosted): void
}

export function createEntrance({ config, clock, log }: EntranceOptions): Entrance {
  const { trustedProxies, publicUrl } = config
  const open = ({ hosted, health }: Hosted) => {
    const directory = createProjectDirectory(hosted)
    return {
      app: createApp({ directory, health, clock, log, trustedProxies, publicUrl }),
      onUpgrade: createUpgrades({ directory, log, trustedProxies, publicUrl }),
    }
  }
  let current = open({ hosted: [], health: [] })
  return {
    serve: (projects) => {
      current = open(projects)
    },
    app: { fetch: (...given) => current.app.fetch(...given) },
    onUpgrade: (...given) => current.onUpgrade(...given),
  }
}
