import type { HealthReport } from '@plinth/platform/http'
import { readConfig } from '@plinth/platform/kernel'
import type { Command } from 'commander'
import { readStatus, type ServerStatus } from '../attach/status-file.ts'
import { printRows } from '../terminal/print-rows.ts'

/** A check may take three seconds before it counts as down. Milliseconds. */
const patience = 10_000

export function addHealthCommand(program: Command): void {
  program
    .command('health')
    .description('show how each part of the running server does, with figures')
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const report = await readHealth(await readStatus(readConfig().dataDir))
      if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      else printRows(rowsOf(report), {})
      if (report.status === 'down') process.exitCode = 1
    })
}

const rowsOf = ({ checks }: HealthReport) =>
  Object.entries(checks).map(([part, { status, detail }]) => ({ part, status, detail }))

/** Each project's details are told to its own service key, which the status file holds for the machine's owner. */
async function readHealth({ url, systems }: ServerStatus): Promise<HealthReport> {
  const reports = await Promise.all(
    Object.entries(systems).map(async ([name, { service_role_key: key }]) => {
      const signal = AbortSignal.timeout(patience)
      const answer = await fetch(`${url}/health`, { headers: { apikey: key }, signal })
      const { status, checks } = (await answer.json()) as HealthReport
      const own = Object.entries(checks).filter(([part]) => part.startsWith(`${name}/`))
      return { status, checks: Object.fromEntries(own) }
    }),
  )
  const checks = Object.assign({}, ...reports.map((report) => report.checks)) as HealthReport['checks']
  return { status: reports[0]?.status ?? 'ok', checks }
}
