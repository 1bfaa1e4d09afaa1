import { type ProjectDatabase, sql } from '../../database/index.ts'
import { messageOf } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import type { PushMessage, PushTarget } from '../channels/push.ts'
import type { ClaimedMessage } from '../model/message.ts'
import { render } from '../templates/render.ts'
import type { DeliveryOptions } from './options.ts'
import { cancelled, type Outcome } from './outcome.ts'
import type { Recipient } from './resolve.ts'

/** Of a push message, in characters: 4096 bytes of ciphertext hold at least this much. */
const longestBody = 900

/**
 * Hands a message to each of a person's devices that has not got it yet; devices that are gone are forgotten. It is sent
 * when no device is left that might still take it. Fails when one has to be tried again.
 */
export async function sendPush(
  options: DeliveryOptions,
  message: ClaimedMessage,
  { locale }: Recipient,
): Promise<Outcome> {
  const { database, templates, sender, pushes } = options
  const targets = await readTargets(database, message)
  const open = targets.filter(({ kind, taken }) => !taken && pushes.some((push) => push.kind === kind))
  if (open.length === 0 && !targets.some(({ taken }) => taken))
    return cancelled(message, 'there is no device')
  const { subject, text, url } = await render(message.content!, {
    templates,
    locale,
    sender: sender.name,
    unsubscribe: null,
  })
  const push: PushMessage = {
    key: message.id,
    title: subject,
    body: text.slice(0, longestBody),
    url,
    urgent: message.priority <= 1,
  }
  const outcomes = await Promise.allSettled(open.map((target) => sendTo(options, push, target)))
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  )
  const again = failures.find((error) => !(error instanceof HandoverError) || error.taken !== 'never')
  if (again) throw again
  const hasArrived =
    targets.some(({ taken }) => taken) ||
    outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value === 'taken')
  if (!hasArrived && failures.length > 0) throw failures[0]
  if (!hasArrived) return cancelled(message, 'its devices are gone')
  return {
    id: message.id,
    state: 'sent',
    provider: [...new Set(open.map(({ kind }) => kind))].join(' ') || 'push',
  }
}

async function sendTo(
  { database, pushes, log }: DeliveryOptions,
  push: PushMessage,
  target: PushTarget,
): Promise<'taken' | 'gone'> {
  const transport = pushes.find(({ kind }) => kind === target.kind)
  const answer = await transport?.send(target, push)
  if (answer === 'gone') {
    await database.asOwner(sql`delete from public.push_subscriptions where endpoint = ${target.endpoint}`)
    return 'gone'
  }
  // If this fails, the device gets the message again, and shows it once by its tag.
  await database
    .asOwner(
      sql`insert into plinth.notification_pushes (delivery, endpoint) values (${push.key}, ${target.endpoint}) on conflict do nothing`,
    )
    .catch((error: unknown) => log.warn({ problem: messageOf(error) }, 'a push could not be noted'))
  return 'taken'
}

interface TargetRow extends PushTarget {
  readonly taken: boolean
}

async function readTargets(database: ProjectDatabase, { id, person }: ClaimedMessage): Promise<TargetRow[]> {
  const { rows } = await database.asOwner<TargetRow>(sql`
    select s.kind, s.endpoint, s.p256dh, s.auth,
      exists (select from plinth.notification_pushes p where p.delivery = ${id} and p.endpoint = s.endpoint) as taken
    from public.push_subscriptions s where s.user_id = ${person}::uuid`)
  return rows
}
