import { webhooksOffer } from '@plinth/platform/webhooks'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

interface AddOptions {
  readonly tenant?: string
  readonly table?: readonly string[]
}

export function addWebhooksCommand(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .description('tell other systems of changes, signed as Standard Webhooks')
  webhooks
    .command('add')
    .description('tell an address of changes from now on; prints the secret that signs them, this once')
    .argument('<system>')
    .argument('<url>')
    .option('--tenant <key>', 'only changes of this tenant')
    .option('--table <names...>', 'only these tables')
    .action(add)
  webhooks
    .command('list')
    .description('the addresses that are told')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action(list)
  webhooks
    .command('remove')
    .description('tell an address no more, and forget what was made for it')
    .argument('<system>')
    .argument('<id>')
    .action(remove)
  webhooks
    .command('replay')
    .description('send everything again that was made for an address since then')
    .argument('<system>')
    .argument('<id>')
    .requiredOption('--since <instant>', 'as 2026-01-15T12:00:00Z')
    .action(replay)
}

async function add(system: string, url: string, { tenant, table }: AddOptions): Promise<void> {
  const wanted = { url, ...(tenant ? { tenant } : {}), ...(table ? { tables: table } : {}) }
  const { id, secret } = await onProject(system, (project) => project.offer(webhooksOffer).add(wanted), {
    ofChanges: true,
  })
  process.stdout.write(`id: ${id}\nsecret: ${secret}\n`)
}

async function list(system: string, options: { readonly json?: boolean }): Promise<void> {
  const endpoints = await onProject(system, (project) => project.offer(webhooksOffer).list(), {
    asServed: true,
    ofChanges: true,
  })
  printRows(
    endpoints.map((endpoint) => ({ ...endpoint })),
    options,
  )
}

async function remove(system: string, id: string): Promise<void> {
  const removed = await onProject(system, (project) => project.offer(webhooksOffer).remove(id))
  process.stdout.write(removed ? 'removed\n' : 'there is no such address\n')
  process.exitCode = removed ? 0 : 1
}

async function replay(system: string, id: string, { since }: { readonly since: string }): Promise<void> {
  const count = await onProject(system, (project) =>
    project.offer(webhooksOffer).replay(id, parseInstant(since)),
  )
  process.stdout.write(`${count} messages are sent again\n`)
}
