import { verifyJournal } from '@plinth/platform/tail'
import type { Command } from 'commander'
import { onProject } from '../on-project.ts'
import { printRows } from '../print-rows.ts'
import { journalOf } from '../with-tail.ts'

interface VerifyOptions {
  readonly tenant?: string
  readonly json?: boolean
}

export function addJournalCommand(program: Command): void {
  const journal = program
    .command('journal')
    .description('who changed what from what to what, and the proof that it holds')
  journal
    .command('verify')
    .description('recompute every hash and follow every chain; ends with 1 when one does not hold')
    .argument('<system>')
    .option('--tenant <key>', 'only this tenant')
    .option('--json', 'as JSON')
    .action(verify)
}

async function verify(system: string, options: VerifyOptions): Promise<void> {
  const result = await onProject(system, (project) =>
    verifyJournal({
      database: project.database,
      ...journalOf(project),
      ...(options.tenant ? { tenant: options.tenant } : {}),
    }),
  )
  process.exitCode = result.sound ? 0 : 1
  if (options.json) return void process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  const { entries, tenants, witnessed } = result
  process.stdout.write(
    `${result.sound ? 'sound' : 'BROKEN'}: ${entries} entries of ${tenants} tenants, ${witnessed} ends compared with the file outside\n`,
  )
  if (!result.sound)
    printRows(
      result.problems.map((problem) => ({ ...problem })),
      {},
    )
}
