import { type AuditQuery, auditOffer } from '@plinth/platform/audit'
import { type Command, InvalidArgumentError } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { parseInstant } from '../terminal/parse-instant.ts'

interface Options {
  readonly tenant?: string
  readonly who?: string
  readonly table?: string
  readonly text?: string
  readonly since?: string
  readonly until?: string
  readonly limit: number
  readonly json?: boolean
}

export function addAuditCommand(program: Command): void {
  program
    .command('audit')
    .description('who did what to which thing, in words, the latest first')
    .argument('<system>')
    .option('--tenant <key>', 'only this tenant')
    .option('--who <text>', 'only this person (address or id), key, function or job')
    .option('--table <name>', 'only this table')
    .option('--text <part>', 'only where a value has this')
    .option('--since <instant>', 'as 2026-01-15T12:00:00Z')
    .option('--until <instant>', 'before this instant')
    .option('--limit <count>', 'at most so many', readCount, 100)
    .option('--json', 'as JSON, with `next` for what is older')
    .action(show)
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}

async function show(system: string, { since, until, json, ...options }: Options): Promise<void> {
  const query: AuditQuery = {
    ...options,
    ...(since === undefined ? {} : { since: parseInstant(since) }),
    ...(until === undefined ? {} : { until: parseInstant(until) }),
  }
  const page = await onProject(system, (project) => project.offer(auditOffer).search(query), {
    asServed: true,
    ofChanges: true,
  })
  if (json) process.stdout.write(`${JSON.stringify(page, null, 2)}\n`)
  else for (const { at, sentence } of page.entries) process.stdout.write(`${at} ${sentence}\n`)
}
