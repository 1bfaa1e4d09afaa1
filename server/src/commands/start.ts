import { createLog, readConfigFor, systemClock } from '@plinth/platform/kernel'
import type { Command } from 'commander'
import { describeServer, removeStatus, writeStatus } from '../attach/status-file.ts'
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
    .option('--watch', 'start again whenever a source changes')
    .action((names: readonly string[], { demo, watch }: StartOptions) =>
      watch ? watchSources(['start', ...names, ...(demo ? ['--demo'] : [])]) : start(names, { demo }),
    )
}

interface StartOptions {
  readonly demo?: boolean | undefined
  readonly watch?: boolean
}

async function start(names: readonly string[], { demo }: StartOptions): Promise<void> {
  const config = readConfigFor(systemNames)
  const log = createLog(config.logLevel)
  const lost = Promise.withResolvers<never>()
  let tellStatus: () => void = () => undefined
  const server = await startServer({
    config,
    systems: chooseSystems(names),
    clock: systemClock,
    log,
    onEngineLost: lost.reject,
    onProjectReady: () => tellStatus(),
  })
  try {
    await writeStatus(describeServer(server, config))
    tellStatus = () =>
      void writeStatus(describeServer(server, config)).catch((error: unknown) =>
        log.warn({ err: error }, 'status was not written'),
      )
    const stopped = Promise.race([untilAskedToStop(), lost.promise])
    const tryNext = demo ? await Promise.race([loadDemos(server.projects, server.url), stopped]) : []
    if (tryNext) {
      const status = describeServer(server, config, tryNext)
      await writeStatus(status)
      printBanner(status)
    }
    await stopped
  } finally {
    await removeStatus(config.dataDir)
    await server.stop()
  }
}
