import {
  type RewindConsent,
  type RewindPreview,
  type RewindTarget,
  rewindOffer,
} from '@plinth/platform/rewind'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import type { CommandProject } from '../attach/with-project.ts'
import { serverErrors } from '../errors.ts'
import { askConsent } from '../terminal/ask.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

interface RewindOptions extends RewindConsent {
  readonly to?: string
  readonly undo?: string
  readonly tables?: readonly string[]
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function addRewindCommand(program: Command): void {
  program
    .command('rewind')
    .description('take one tenant back to an instant, without touching its neighbours')
    .argument('<system>')
    .argument(
      '<tenant>',
      'key of the tenant’s root row, for shops the shop’s id; "" for what belongs to no tenant',
    )
    .option(
      '--to <point>',
      'an instant (2026-01-15T12:00:00Z): what was committed by then stays; or the number of the last change that stays with its commit',
    )
    .option('--undo <id>', 'take back a rewind, and what was changed after it')
    .option('--tables <names...>', 'only these tables')
    .option('--leave-moved', 'leave rows where they are that went from one tenant to another since')
    .option('--remove-tenant', 'remove the tenant if it was not there at the point')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(rewind)
}

async function rewind(system: string, tenant: string, options: RewindOptions): Promise<void> {
  if ((options.to === undefined) === (options.undo === undefined)) throw serverErrors.no_point()
  const to = options.to === undefined ? undefined : parsePoint(options.to)
  await onProject(system, (project) => run(project, tenant, to, options), { asServed: true })
}

async function run(
  project: CommandProject,
  tenant: string,
  point: RewindTarget | undefined,
  options: RewindOptions,
): Promise<void> {
  const rewinds = project.offer(rewindOffer)
  const { undo: id, tables, leaveMoved, removeTenant, json } = options
  await project.withTail(async (tail) => {
    const to = id === undefined ? point! : await rewinds.findUndo({ tenant, id, tail })
    const wanted = { tenant, to, tables, tail }
    const preview = await rewinds.preview(wanted)
    if (options.dryRun || !json) show(preview, options)
    if (options.dryRun) return
    await confirm(options)
    const consent = {
      leaveMoved: leaveMoved ?? false,
      removeTenant: id !== undefined || removeTenant === true,
    }
    const applied = await rewinds.apply({ ...wanted, ...consent, actor: operator(id ?? options.to!) })
    if (json) return void process.stdout.write(`${JSON.stringify(applied, null, 2)}\n`)
    if (!applied.journalled)
      process.stderr.write('The rewind is done; the journal has not caught up with it yet.\n')
    const again = `To undo it: plinth rewind ${project.system.name} ${tenant || '""'} --undo ${applied.id}`
    process.stderr.write(
      applied.journalled && applied.undoneBy === null ? 'Done: nothing had to change.\n' : `Done. ${again}\n`,
    )
  })
}

const operator = (to: string) => ({
  user: null,
  role: 'owner',
  requestId: null,
  via: 'plinth rewind',
  reason: `to ${to}`,
})

/** Digits alone are a sequence number; anything else must be an instant with its offset, to the microsecond. */
function parsePoint(text: string): RewindTarget {
  if (/^\d+$/.test(text)) return Number(text)
  parseInstant(text)
  return text
}

function show(preview: RewindPreview, { json, dryRun }: RewindOptions): void {
  if (json) return void process.stdout.write(`${JSON.stringify(preview, null, 2)}\n`)
  const stays = `change ${preview.sequence} stays, ${preview.undone} after it ${dryRun ? 'would be' : 'will be'} undone`
  process.stdout.write(`${stays}\n`)
  printRows(
    preview.tables.map((table) => ({ ...table })),
    {},
  )
  for (const line of notesOf(preview)) process.stdout.write(`${line}\n`)
}

function notesOf({ lost, moved, kept, removesTenant }: RewindPreview): string[] {
  return [
    ...lost.map(
      ({ table, rows, as }) =>
        `${table}: ${rows} rows outside the journal are ${as}; an undo does not bring that back`,
    ),
    ...moved.map(({ table, key }) => `${table} ${key} went from one tenant to another since`),
    ...Object.entries(kept).map(([table, rows]) => `${table}: ${rows} rows are facts and stay`),
    ...(removesTenant ? ['the tenant was not there then: all of it goes'] : []),
  ]
}

async function confirm({ yes }: RewindOptions): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY) throw serverErrors.not_confirmed()
  if (!(await askConsent('Rewind now? [y/N] '))) throw serverErrors.not_confirmed()
}
