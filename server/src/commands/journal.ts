import { type JournalVerification, journalOffer, type ShownEntry } from '@plinth/platform/journal'
import { type Command, InvalidArgumentError } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

interface VerifyOptions {
  readonly tenant?: string
  readonly json?: boolean
}

interface ShowOptions {
  readonly tenant?: string
  readonly table?: string
  readonly since?: string
  readonly limit: number
  readonly json?: boolean
}

export function addJournalCommand(program: Command): void {
  const journal = program
    .command('journal')
    .description('who changed what from what to what, and the proof that it holds')
  journal
    .command('show')
    .description('the latest changes: who changed what from what to what')
    .argument('<system>')
    .option('--tenant <key>', 'only this tenant')
    .option('--table <name>', 'only this table')
    .option('--since <instant>', 'only what was committed since then')
    .option('--limit <count>', 'at most so many changes', readCount, 100)
    .option('--json', 'as JSON')
    .action(show)
  journal
    .command('verify')
    .description('recompute every hash and follow every chain; ends with 1 when one does not hold')
    .argument('<system>')
    .option('--tenant <key>', 'only this tenant')
    .option('--json', 'as JSON')
    .action(verify)
  journal
    .command('accept')
    .description('take the database as it is for what was witnessed, after what `verify` found was explained')
    .argument('<system>')
    .requiredOption('--reason <text>', 'why; the witness keeps it')
    .action(accept)
}

function printVerification(result: JournalVerification): void {
  const { sound, entries, tenants, witnessed, since, problems, findings } = result
  process.stdout.write(
    `${sound ? 'sound' : 'BROKEN'}: ${entries} entries of ${tenants} tenants, ${witnessed} ends compared with the witness outside, which begins ${since ?? 'with the next change'}\n`,
  )
  if (problems.length > 0)
    printRows(
      problems.map((problem) => ({ ...problem })),
      {},
    )
  if (findings.length > 0)
    printRows(
      findings.map(({ kind, what, sequence }) => ({ found: kind, what, sequence: sequence ?? '' })),
      {},
    )
  if (!sound)
    process.stdout.write(
      'docs/journal.md says what each means. Once it is explained: plinth journal accept <system> --reason …\n',
    )
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}

async function show(system: string, options: ShowOptions): Promise<void> {
  const { limit, tenant, table, since } = options
  const entries = await onProject(
    system,
    (project) =>
      project.offer(journalOffer).show({
        limit,
        ...(tenant ? { tenant } : {}),
        ...(table ? { table } : {}),
        ...(since ? { since: parseInstant(since) } : {}),
      }),
    { asServed: true, ofChanges: true },
  )
  if (options.json) return void process.stdout.write(`${JSON.stringify(entries, null, 2)}\n`)
  for (const entry of entries) process.stdout.write(`${describe(entry)}\n`)
}

/** `#12 2026-01-15T12:00:00Z ada (authenticated) update public.items ["…"]`, then a line for each column. */
function describe({ sequence, committedAt, actor, operation, table, key, changes }: ShownEntry): string {
  const who = actor ? `${actor.user ?? actor.via ?? 'nobody'} (${actor.role})` : 'past Plinth'
  const columns = changes.map(({ column, from, to }) => `    ${column}: ${from ?? 'null'} → ${to ?? 'null'}`)
  return [`#${sequence} ${committedAt} ${who} ${operation} ${table} ${key.join(', ')}`, ...columns].join('\n')
}

async function verify(system: string, options: VerifyOptions): Promise<void> {
  const { tenant } = options
  const result = await onProject(
    system,
    (project) => project.offer(journalOffer).verify(tenant ? { tenant } : {}),
    { asServed: true, ofChanges: true },
  )
  process.exitCode = result.sound ? 0 : 1
  if (options.json) return void process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  printVerification(result)
}

async function accept(system: string, { reason }: { readonly reason: string }): Promise<void> {
  if (reason.trim().length < 3) throw new InvalidArgumentError('Say why, in three letters or more.')
  await onProject(system, (project) => project.offer(journalOffer).accept(reason.trim()), { asServed: true })
  process.stdout.write(
    'Accepted: what the database says now is what counts from here on. The witness keeps that, and why.\n',
  )
}
