import { type RewindPreview, type RewindTarget, rewindOffer } from '@plinth/platform/rewind'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { serverErrors } from '../errors.ts'
import { askConsent } from '../terminal/ask.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

interface RewindOptions {
  readonly to: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function addRewindCommand(program: Command): void {
  program
    .command('rewind')
    .description('take one tenant back to an instant, without touching its neighbours')
    .argument('<system>')
    .argument('<tenant>', 'key of the tenant’s root row, for shops the shop’s id')
    .requiredOption(
      '--to <point>',
      'an instant (2026-01-15T12:00:00Z), or the number of the last change that stays with its commit',
    )
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(rewind)
}

async function rewind(system: string, tenant: string, options: RewindOptions): Promise<void> {
  const to = parsePoint(options.to)
  await onProject(system, (project) =>
    project.withTail(async (tail) => {
      const rewinds = project.offer(rewindOffer)
      show(await rewinds.preview({ tenant, to, tail }), options)
      if (options.dryRun) return
      await confirm(options)
      const { undoneBy } = await rewinds.apply({ tenant, to, tail, actor: operator(options.to) })
      process.stderr.write(`Done. To undo it: plinth rewind ${system} ${tenant} --to ${undoneBy}\n`)
    }),
  )
}

const operator = (to: string) => ({
  user: null,
  role: 'owner',
  requestId: null,
  via: 'plinth rewind',
  reason: `to ${to}`,
})

/** Digits alone are a sequence number; anything else must be an instant with its offset. */
const parsePoint = (text: string): RewindTarget => (/^\d+$/.test(text) ? Number(text) : parseInstant(text))

function show(preview: RewindPreview, { json, dryRun }: RewindOptions): void {
  if (json) return void process.stdout.write(`${JSON.stringify(preview, null, 2)}\n`)
  const stays = `change ${preview.sequence} stays, ${preview.undone} after it ${dryRun ? 'would be' : 'will be'} undone`
  process.stdout.write(`${stays}\n`)
  printRows(
    preview.tables.map((table) => ({ ...table })),
    {},
  )
}

async function confirm({ yes }: RewindOptions): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY) throw serverErrors.not_confirmed()
  if (!(await askConsent('Rewind now? [y/N] '))) throw serverErrors.not_confirmed()
}
