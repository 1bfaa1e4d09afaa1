import { type NotificationsOffer, notificationsOffer } from '@plinth/platform/notifications'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import { parseInstant } from '../terminal/parse-instant.ts'
import { printRows } from '../terminal/print-rows.ts'

export function addNotificationsCommand(program: Command): void {
  const notifications = program
    .command('notifications')
    .description('templates of messages to people, and messages that were given up')
  notifications
    .command('preview')
    .description('print a template with its sample, or list all')
    .argument('<system>')
    .argument('[template]')
    .option('--locale <locale>', 'in this language')
    .option('--html', 'the page of the mail')
    .action(preview)
  notifications
    .command('dead')
    .description('the newest messages that were given up')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action(dead)
  notifications
    .command('replay')
    .description('try again what was given up; an SMS that may have gone out only by its id')
    .argument('<system>')
    .option('--id <id>', 'this message')
    .option('--since <instant>', 'all that were queued since then: 2026-01-15T12:00:00Z')
    .action(replay)
  notifications
    .command('suppress')
    .description('write no more to an address')
    .argument('<system>')
    .argument('<address>', 'an e-mail address or a phone number')
    .option('--marketing', 'only no marketing')
    .action(suppress)
}

interface PreviewOptions {
  readonly locale?: string
  readonly html?: boolean
}

async function preview(system: string, template: string | undefined, options: PreviewOptions): Promise<void> {
  const read = (offer: NotificationsOffer) =>
    template === undefined ? offer.templates : offer.preview(template, options.locale)
  const found = await onProject(system, async (project) => read(project.offer(notificationsOffer)))
  if ('html' in found) {
    process.stdout.write(options.html ? found.html : `${found.subject}\n\n${found.text}\n`)
    return
  }
  printRows(
    found.map(({ name, summary, texts }) => ({ name, locales: Object.keys(texts).join(', '), summary })),
    {},
  )
}

async function dead(system: string, options: { readonly json?: boolean }): Promise<void> {
  const letters = await onProject(system, (project) => project.offer(notificationsOffer).deadLetters())
  printRows(
    letters.map((letter) => ({ ...letter })),
    options,
  )
}

interface ReplayOptions {
  readonly id?: string
  readonly since?: string
}

async function replay(system: string, { id, since }: ReplayOptions): Promise<void> {
  if (id === undefined && since === undefined) {
    process.stderr.write('Name a message (--id) or a time (--since).\n')
    process.exitCode = 2
    return
  }
  const which = { ...(id ? { id } : {}), ...(since ? { since: parseInstant(since) } : {}) }
  const count = await onProject(system, (project) => project.offer(notificationsOffer).replay(which))
  process.stdout.write(`${count} messages are tried again\n`)
}

async function suppress(
  system: string,
  address: string,
  { marketing }: { readonly marketing?: boolean },
): Promise<void> {
  const channel = address.includes('@') ? 'email' : 'sms'
  await onProject(system, (project) =>
    project.offer(notificationsOffer).suppress(channel, address, marketing ? 'marketing' : 'all'),
  )
  process.stdout.write('suppressed\n')
}
