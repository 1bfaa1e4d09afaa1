import { alertsOffer } from '@plinth/platform/alerts'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { printRows } from '../terminal/print-rows.ts'

interface Options {
  readonly json?: boolean
}

export function addAlertsCommand(program: Command): void {
  const alerts = program.command('alerts').description('what is wrong in a project, and since when')
  alerts
    .command('list')
    .description('open alerts, and those that ended')
    .argument('<system>')
    .option('--open', 'only open ones')
    .option('--json', 'as JSON')
    .action(list)
  alerts
    .command('health')
    .description('when each part did how, the latest first')
    .argument('<system>')
    .option('--part <name>', 'only this part')
    .option('--json', 'as JSON')
    .action(health)
}

async function list(system: string, { open = false, json }: Options & { open?: boolean }): Promise<void> {
  const found = await onProject(system, (project) => project.offer(alertsOffer).list({ openOnly: open }), {
    asServed: true,
  })
  printRows(
    found.map((alert) => ({ ...alert })),
    json ? { json } : {},
  )
}

async function health(system: string, { part, json }: Options & { part?: string }): Promise<void> {
  const found = await onProject(
    system,
    (project) => project.offer(alertsOffer).healthHistory(part === undefined ? {} : { component: part }),
    { asServed: true },
  )
  printRows(
    found.map((stretch) => ({ ...stretch })),
    json ? { json } : {},
  )
}
