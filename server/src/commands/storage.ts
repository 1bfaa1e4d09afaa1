import { storageOffer } from '@plinth/platform/storage'
import { type Command, InvalidArgumentError } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { printRows } from '../terminal/print-rows.ts'

interface CheckOptions {
  readonly deep?: boolean
  readonly repair?: boolean
  readonly grace?: number
  readonly json?: boolean
}

export function addStorageCommand(program: Command): void {
  const storage = program
    .command('storage')
    .description('whether files and their rows agree, and what they take')
  storage
    .command('check')
    .description('compare rows and bytes, both ways; exits with 1 when they differ')
    .argument('<system>')
    .option('--deep', 'read all bytes and compare their hashes')
    .option('--repair', 'remove bytes that no row knows, and note what is missing')
    .option('--grace <hours>', 'leave younger bytes alone; 0 while nobody uploads (default: 24)', hours)
    .option('--json', 'as JSON')
    .action(check)
  storage
    .command('sweep')
    .description('remove bytes of files whose retention is over, now')
    .argument('<system>')
    .option('--grace <hours>', 'leave younger bytes alone; 0 while nobody uploads (default: 24)', hours)
    .action(sweep)
  storage
    .command('usage')
    .description('files and bytes by bucket, stored and served this month')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action(usage)
}

function hours(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('a whole number of hours is needed')
  return value
}

async function check(system: string, { deep, repair, grace, json }: CheckOptions): Promise<void> {
  const options = { deep: deep ?? false, repairs: repair ?? false, ...(grace === undefined ? {} : { grace }) }
  const found = await onProject(system, (project) => project.offer(storageOffer).reconcile(options))
  const { checked, orphans, missing, abandoned } = found
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`)
  else {
    for (const id of orphans) process.stdout.write(`${repair ? 'removed' : 'no row knows'} ${id}\n`)
    for (const path of missing) process.stdout.write(`without its bytes: ${path}\n`)
    process.stdout.write(
      `${checked} checked, ${orphans.length} without a row, ${missing.length} without bytes, ${abandoned} unfinished uploads removed\n`,
    )
  }
  process.exitCode = orphans.length + missing.length === 0 ? 0 : 1
}

async function sweep(system: string, { grace }: CheckOptions): Promise<void> {
  const swept = await onProject(system, (project) =>
    project.offer(storageOffer).sweep(grace === undefined ? {} : { grace }),
  )
  process.stdout.write(`${swept.removed} removed, ${swept.forgotten} entries of the history forgotten\n`)
}

async function usage(system: string, options: { readonly json?: boolean }): Promise<void> {
  const rows = await onProject(system, (project) => project.offer(storageOffer).usage())
  printRows(
    rows.map((row) => ({ ...row })),
    options,
  )
}
