import { text as readAll } from 'node:stream/consumers'
import { type Config, deriveKey, readConfigFor } from '@plinth/platform/kernel'
import {
  capabilitiesOf,
  openProjectSecrets,
  readProjectSettings,
  settingsGroupsOf,
} from '@plinth/platform/project'
import {
  checkValue,
  findField,
  type ReadSetting,
  readSettingsFile,
  sealSetting,
  settingErrors,
  writeSettingsFile,
} from '@plinth/platform/settings'
import type { Command } from 'commander'
import { findSystem, systemNames } from '../serve/choose-systems.ts'
import { askSecret } from '../terminal/ask.ts'
import { printRows } from '../terminal/print-rows.ts'

export function addSettingsCommand(program: Command): void {
  const settings = program
    .command('settings')
    .description('what a project is set to, and where that comes from; set, or take back')
  settings
    .command('list')
    .description('every setting with its value, its source and its variable; secrets are not shown')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action(list)
  settings
    .command('set')
    .description('set one in the data folder; a running server takes it up when it is started again')
    .argument('<system>')
    .argument('<name>', 'as `plinth settings list` prints it')
    .argument('[value]', 'a secret is read from standard input instead')
    .action(set)
  settings
    .command('unset')
    .description('take back what was set in the data folder')
    .argument('<system>')
    .argument('<name>')
    .action(unset)
}

/** What the command needs of a system: no database. */
async function openSettings(name: string) {
  const system = findSystem(name)
  const config: Config = readConfigFor(systemNames)
  const capabilities = capabilitiesOf(system)
  const { sealingKey } = await openProjectSecrets(config.dataDir, name)
  return {
    system,
    capabilities,
    dataDir: config.dataDir,
    environment: config.settings[name] ?? {},
    key: deriveKey(sealingKey, 'settings'),
    groups: settingsGroupsOf(system, capabilities),
  }
}

async function list(name: string, options: { readonly json?: boolean }): Promise<void> {
  const { all } = await readProjectSettings(await openSettings(name))
  printRows(all.map(shown), options)
}

const shown = ({ name, value, source, variable, secret, description }: ReadSetting) => ({
  name,
  value: value === undefined ? null : secret ? '(set)' : JSON.stringify(value),
  source,
  variable,
  description,
})

async function set(system: string, name: string, value: string | undefined): Promise<void> {
  const { groups, dataDir, key } = await openSettings(system)
  const field = findField(system, groups, name)
  if (field.secret && value !== undefined) throw settingErrors.secret_needs_input({ system, name })
  const given = value ?? (await readValue(name, field.secret))
  const checked = checkValue(system, name, field, given)
  const file = await readSettingsFile(dataDir, system)
  const stored = field.secret ? sealSetting(key, name, given) : checked
  await writeSettingsFile({ ...file, values: new Map([...file.values, [name, stored]]) })
  process.stderr.write(`${name} is set. A running server takes it up when it is started again.\n`)
}

const readValue = async (name: string, isSecret: boolean): Promise<string> =>
  process.stdin.isTTY && isSecret
    ? askSecret(`${name}: `)
    : (await readAll(process.stdin)).replace(/\r?\n$/, '')

async function unset(system: string, name: string): Promise<void> {
  const { groups, dataDir } = await openSettings(system)
  findField(system, groups, name)
  const file = await readSettingsFile(dataDir, system)
  const values = new Map(file.values)
  const wasSet = values.delete(name)
  if (wasSet) await writeSettingsFile({ ...file, values })
  process.stderr.write(wasSet ? `${name} is no longer set in the data folder.\n` : `${name} was not set.\n`)
}
