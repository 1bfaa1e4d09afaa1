import { createLog, readConfig, readVariables, systemClock } from '@plinth/platform/kernel'
import { readRestSettings, serveRest, settingAliases, settingNames } from '@plinth/platform/rest'
import type { Command } from 'commander'
import { untilAskedToStop } from '../terminal/until-asked-to-stop.ts'

export function addServeRestCommand(program: Command): void {
  const command = program
    .command('serve-rest')
    .description('serve the rest surface alone over your own database, under PostgREST’s setting names')
    .addHelpText('after', '\nEvery setting may also be given as PGRST_<NAME>, as PostgREST takes it.')
    .action((options: Readonly<Record<string, string>>) => serve(namesOf(command, options)))
  for (const name of [...settingNames, ...Object.keys(settingAliases)]) {
    const full = settingAliases[name]
    command.option(`--${name} <value>`, full ? `the same as --${full}` : '')
  }
}

/** Options under the names they were given by: commander turns `db-uri` into `dbUri`. */
function namesOf(
  command: Command,
  options: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  return Object.fromEntries(command.options.map((option) => [option.name(), options[option.attributeName()]]))
}

async function serve(flags: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = readRestSettings(flags, readVariables('PGRST_'))
  const log = createLog(readConfig().logLevel)
  const served = await serveRest({ settings, clock: systemClock, log })
  process.stdout.write(`Serving ${settings['db-schemas'].join(', ')} at ${served.url}. Stop with Ctrl-C.\n`)
  await untilAskedToStop()
  await served.stop()
}
