import { type Config, createLog, readConfigFor, systemClock } from '@plinth/platform/kernel'
import type { SystemDeclaration } from '@plinth/platform/system'
import type { Command } from 'commander'
import { describeServer, removeStatus, writeStatus } from '../attach/status-file.ts'
import type { SimulatedProviders } from '../develop/simulate-providers.ts'
import { watchSources } from '../develop/watch-sources.ts'
import { chooseSystems, systemNames } from '../serve/choose-systems.ts'
import { loadDemos } from '../serve/load-demos.ts'
import { startServer } from '../serve/start-server.ts'
import { printBanner } from '../terminal/banner.ts'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

export function addStartCommand(program: Command): void {
  program
    .command('start', { isDefault: true })
    .description('start PostgreSQL and the systems, and serve them')
    .argument('[systems...]', 'only these systems; default: all')
    .option('--demo', 'load data to try the systems with; loading it again changes nothing')
    .option('--simulate', 'simulate payment providers for systems that have no account')
    .option('--watch', 'start again whenever a source changes')
    .action((names: readonly string[], { watch, ...options }: StartOptions) =>
      watch ? watchSources(['start', ...names, ...flagsOf(options)]) : start(names, options),
    )
}

interface StartOptions {
  readonly demo?: boolean
  readonly simulate?: boolean
  readonly watch?: boolean
}

const flagsOf = ({ demo, simulate }: StartOptions): string[] => [
  ...(demo ? ['--demo'] : []),
  ...(simulate ? ['--simulate'] : []),
]

async function start(names: readonly string[], options: StartOptions): Promise<void> {
  const config = readConfigFor(systemNames)
  const systems = chooseSystems(names)
  if (!options.simulate) return serve(config, systems, options)
  const { simulateProviders } = await import('../develop/simulate-providers.ts')
  const simulated = await simulateProviders(config, systems)
  if (simulated.accounts.length === 0)
    process.stderr.write('plinth: nothing is simulated: no system takes payments without an account\n')
  try {
    await serve(simulated.config, systems, options, simulated)
  } finally {
    await simulated.stop()
  }
}

async function serve(
  config: Config,
  systems: readonly SystemDeclaration[],
  { demo }: StartOptions,
  simulated?: SimulatedProviders,
): Promise<void> {
  const log = createLog(config.logLevel)
  const lost = Promise.withResolvers<never>()
  let tellStatus: () => void = () => undefined
  const server = await startServer({
    config,
    systems,
    clock: systemClock,
    log,
    onEngineLost: lost.reject,
    onProjectReady: () => tellStatus(),
  })
  const describe = (tryNext?: readonly string[]) => ({
    ...describeServer(server, config, tryNext),
    ...(simulated ? { simulators: simulated.accounts } : {}),
  })
  try {
    simulated?.connect(server)
    await writeStatus(describe())
    tellStatus = () =>
      void writeStatus(describe()).catch((error: unknown) =>
        log.warn({ err: error }, 'status was not written'),
      )
    const stopped = Promise.race([untilAskedToStop(), lost.promise])
    const tryNext = demo ? await Promise.race([loadDemos(server.projects, server.url), stopped]) : []
    if (tryNext) {
      const status = describe(tryNext)
      await writeStatus(status)
      printBanner(status)
    }
    await stopped
  } finally {
    await removeStatus(config.dataDir)
    await server.stop()
  }
}
