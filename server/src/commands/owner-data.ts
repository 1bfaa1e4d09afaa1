import { resolve } from 'node:path'
import { type OwnerData, privacyOffer } from '@plinth/platform/privacy'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import type { CommandProject } from '../attach/with-project.ts'
import { serverErrors } from '../errors.ts'
import { askConsent } from '../terminal/ask.ts'
import { printRows } from '../terminal/print-rows.ts'

interface EraseOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

/** Whose data a command is about. */
interface Owner {
  readonly command: 'tenant' | 'person'
  readonly description: string
  readonly argument: string
  readonly dataOf: (project: CommandProject) => OwnerData
}

export const addTenantCommand = (program: Command): void =>
  addOwner(program, {
    command: 'tenant',
    description: 'give out or erase everything that a tenant has',
    argument: 'key of the tenant’s root row, for shops the shop’s id',
    dataOf: (project) => project.offer(privacyOffer).tenants,
  })

export const addPersonCommand = (program: Command): void =>
  addOwner(program, {
    command: 'person',
    description: 'give out or erase what is known of a person',
    argument: 'as the personal columns name them: an e-mail address, a user’s id',
    dataOf: (project) => project.offer(privacyOffer).persons,
  })

function addOwner(program: Command, owner: Owner): void {
  const { command, argument, dataOf } = owner
  const parent = program.command(command).description(owner.description)
  parent
    .command('export')
    .description('write it into a folder: a file a table, and a manifest with hashes')
    .argument('<system>')
    .argument(`<${command}>`, argument)
    .requiredOption('--to <folder>', 'a folder that is not there yet')
    .option('--json', 'print the manifest as JSON')
    .action((system: string, name: string, options: { to: string; json?: boolean }) =>
      onProject(system, async (project) => {
        const manifest = await dataOf(project).export(name, resolve(options.to))
        printRows(
          manifest.parts.map((part) => ({ ...part })),
          options,
        )
      }),
    )
  parent
    .command('erase')
    .description('erase it: asks first, and cannot be taken back but by a backup')
    .argument('<system>')
    .argument(`<${command}>`, argument)
    .option('--dry-run', 'show which rows are concerned, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((system: string, name: string, options: EraseOptions) =>
      onProject(system, (project) => erase(project, dataOf(project), name, options)),
    )
}

async function erase(
  project: CommandProject,
  data: OwnerData,
  owner: string,
  options: EraseOptions,
): Promise<void> {
  const concerned = await data.preview(owner)
  if (options.dryRun)
    return printRows(
      concerned.map((row) => ({ ...row })),
      options,
    )
  if (!options.json)
    printRows(
      concerned.map((row) => ({ ...row })),
      options,
    )
  if (!options.yes && !(process.stdin.isTTY && (await askConsent('Erase these rows now? [y/N] '))))
    throw serverErrors.erasure_not_confirmed()
  const erased = await project.withTail((tail) => data.erase(owner, tail))
  printRows(
    erased.map((row) => ({ ...row })),
    options,
  )
}
