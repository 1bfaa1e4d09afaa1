import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseName, dropProject } from '@plinth/platform/database'
import { createLog, hasCode, readConfigFor } from '@plinth/platform/kernel'
import type { Command } from 'commander'
import { readStatus } from '../attach/status-file.ts'
import { serverErrors } from '../errors.ts'
import { findSystem, systemNames } from '../serve/choose-systems.ts'
import { openEngines } from '../serve/open-engines.ts'
import { askConsent } from '../terminal/ask.ts'

export function addResetCommand(program: Command): void {
  program
    .command('reset')
    .description('throw a system’s database away, to start over while its first migrations are written')
    .argument('<system>')
    .option('--yes', 'without asking')
    .action(reset)
}

async function reset(name: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  const system = findSystem(name)
  const config = readConfigFor(systemNames)
  const { dataDir } = config
  if (await isRunning(dataDir)) throw serverErrors.still_running({ dataDir })
  const question = `All data of ${name} will be lost: database ${databaseName(name)}, its accounts and its journal. Go on? (y/N) `
  if (!yes && !(await askConsent(question))) throw serverErrors.reset_not_confirmed()
  const log = createLog(config.logLevel)
  const clusters = await openEngines({ config, systems: [system.name], log, onEngineLost: () => undefined })
  try {
    await dropProject(clusters.of(system.name).addresses, system.name)
    // The heads of its chains and logs, kept outside PostgreSQL, are those of a journal and of logs that are gone.
    for (const area of ['journal', 'merkle-logs'])
      await rm(join(dataDir, area, system.name), { recursive: true, force: true })
  } finally {
    await clusters.stop()
  }
  process.stdout.write(`${name} is empty: npm start makes its database anew\n`)
}

const isRunning = (dataDir: string): Promise<boolean> =>
  readStatus(dataDir).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'not_running')) return false
      throw error
    },
  )
