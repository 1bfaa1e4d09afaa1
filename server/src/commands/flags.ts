import { type FlagSetting, type Flags, type FlagTarget, flagsOffer } from '@plinth/platform/flags'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { printRows } from '../terminal/print-rows.ts'

interface TargetOptions {
  readonly tenant?: string
  readonly user?: string
}

interface SetOptions extends TargetOptions {
  readonly percentage?: number
  readonly by?: 'tenant' | 'user'
}

export function addFlagsCommand(program: Command): void {
  const flags = program.command('flags').description('switch what a project, a tenant or a user has')
  flags
    .command('list')
    .description('every flag, and for how many something else is set')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action(list)
  flags
    .command('set')
    .description('switch a flag on or off: for everybody, a part, a tenant or a user')
    .argument('<system>')
    .argument('<flag>')
    .argument('<value>', 'on or off', readSwitch)
    .option('--percentage <number>', 'of the tenants or users, 0 to 100', readPercentage)
    .addOption(new Option('--by <whom>', 'what the percentage is of').choices(['tenant', 'user']))
    .addOption(new Option('--tenant <key>', 'for this tenant').conflicts(['percentage', 'by', 'user']))
    .addOption(new Option('--user <id>', 'for this user').conflicts(['percentage', 'by']))
    .action(set)
  flags
    .command('unset')
    .description('let a tenant or a user have what everybody has')
    .argument('<system>')
    .argument('<flag>')
    .option('--tenant <key>', 'this tenant')
    .option('--user <id>', 'this user')
    .action(unset)
  flags
    .command('history')
    .description('who switched what, the latest first')
    .argument('<system>')
    .option('--flag <name>', 'only this flag')
    .option('--json', 'as JSON')
    .action(history)
}

function readSwitch(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new InvalidArgumentError('It is on or off.')
  return text === 'on'
}

function readPercentage(text: string): number {
  const number = Number(text)
  if (!(number >= 0 && number <= 100)) throw new InvalidArgumentError('It is a number from 0 to 100.')
  return number
}

const withFlags = <T>(system: string, work: (flags: Flags) => Promise<T>): Promise<T> =>
  onProject(system, (project) => work(project.offer(flagsOffer)))

const targetOf = ({ tenant, user }: TargetOptions): FlagTarget | undefined =>
  tenant !== undefined ? { tenant } : user !== undefined ? { user } : undefined

async function list(system: string, options: { readonly json?: boolean }): Promise<void> {
  const found = await withFlags(system, (flags) => flags.list())
  printRows(
    found.map((flag) => ({ ...flag })),
    options,
  )
}

async function set(system: string, flag: string, enabled: boolean, options: SetOptions): Promise<void> {
  const target = targetOf(options)
  const setting: FlagSetting = {
    enabled,
    ...(options.percentage === undefined ? {} : { percentage: options.percentage }),
    ...(options.by === undefined ? {} : { rolledOutBy: options.by }),
  }
  await withFlags(system, (flags) =>
    target ? flags.setFor(target, flag, enabled) : flags.set(flag, setting),
  )
  process.stderr.write(`${flag} is ${enabled ? 'on' : 'off'}.\n`)
}

async function unset(system: string, flag: string, options: TargetOptions): Promise<void> {
  const target = targetOf(options)
  if (!target) throw new InvalidArgumentError('Say for whom: --tenant or --user.')
  await withFlags(system, (flags) => flags.setFor(target, flag, null))
  process.stderr.write(`${flag} is as for everybody.\n`)
}

async function history(
  system: string,
  { flag, json }: { readonly flag?: string; readonly json?: boolean },
): Promise<void> {
  const found = await withFlags(system, (flags) => flags.history(flag === undefined ? {} : { flag }))
  printRows(
    found.map((change) => ({ ...change })),
    json ? { json } : {},
  )
}
