import { type ProjectDatabase, sql } from '../../database/index.ts'
import { newId } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { decide } from '../model/decide.ts'
import type { Channel, ClaimedMessage } from '../model/message.ts'
import { render } from '../templates/render.ts'
import { claimMessages } from './claim.ts'
import { type Counts, type DeliveryOptions, noCounts } from './options.ts'
import { cancelled, failed, type Outcome, outcomeOf, recordOutcomes } from './outcome.ts'
import { type Recipient, resolveRecipients } from './resolve.ts'
import { sendMail } from './send-mail.ts'
import { sendPush } from './send-push.ts'

/** Messages that one worker has at a time: those in the app are written together, the others sent side by side. */
const batchOf: Readonly<Record<Channel, number>> = { email: 10, sms: 10, push: 20, in_app: 200 }

/** Workers may die with a message this much oftener than it may fail, before it is taken for what kills them. */
const mostDeaths = 10

export interface DeliverRun {
  readonly channel: Channel
  /** Most messages that are taken; undefined: until none is due. */
  readonly most?: number
  /** 0: only urgent ones. Default 3, all. */
  readonly leastPriority?: number
  readonly signal?: AbortSignal
}

/** What a run did, and when there is more to do that it could not: a provider's rate is used up. */
export interface DeliverResult {
  readonly counts: Counts
  readonly pausedUntil: Date | undefined
}

/** Delivers what is due in a channel, the most urgent first. */
export async function deliverChannel(options: DeliveryOptions, run: DeliverRun): Promise<DeliverResult> {
  const { database, clock } = options
  const { channel, most = Number.POSITIVE_INFINITY, leastPriority = 3, signal } = run
  const counts = noCounts()
  for (let taken = 0; taken < most && !signal?.aborted; ) {
    const next = await nextDueAt(database, channel, leastPriority)
    if (next === null || next > clock.now().getTime()) break
    const wanted = Math.min(batchOf[channel], most - taken)
    const { granted, again } = await takeSends(options, channel, wanted)
    if (granted === 0) return { counts, pausedUntil: again }
    const lease = newId()
    const now = clock.now()
    const messages = await claimMessages(database, { channel, leastPriority, most: granted, lease, now })
    const sent = await deliverBatch(options, { channel, lease, messages, counts })
    await returnSends(options, channel, granted - sent)
    if (messages.length === 0) break
    taken += messages.length
  }
  return { counts, pausedUntil: undefined }
}

interface Batch {
  readonly channel: Channel
  readonly lease: string
  readonly messages: readonly ClaimedMessage[]
  readonly counts: Counts
}

/** Gives how many messages were handed to the provider. */
async function deliverBatch(
  options: DeliveryOptions,
  { channel, lease, messages: claimed, counts }: Batch,
): Promise<number> {
  if (claimed.length === 0) return 0
  const { database, clock } = options
  const messages = claimed.map((message) => asDeclared(options, message))
  const recipients = await resolveRecipients(options, messages)
  const open: { readonly message: ClaimedMessage; readonly recipient: Recipient }[] = []
  const settled: Outcome[] = []
  for (const message of messages) {
    const recipient = recipients.get(message.id)!
    const outcome = withoutSending(options, message, recipient)
    if (outcome) settled.push(outcome)
    else open.push({ message, recipient })
  }
  count(counts, settled)
  if (channel === 'in_app') {
    count(counts, await writeInApp(options, lease, open, settled))
    return open.length
  }
  await recordOutcomes(database, lease, settled, clock.now())
  await Promise.all(
    open.map(async ({ message, recipient }) => {
      const outcome = await attempt(options, lease, message, recipient)
      if (!outcome) return
      count(counts, [outcome])
      await recordOutcomes(database, lease, [outcome], clock.now())
    }),
  )
  return open.length
}

function count(counts: Counts, outcomes: readonly Outcome[]): void {
  for (const { state } of outcomes) counts[state] += 1
}

/**
 * A template says what its messages are for, whoever queued them, and what they are about unless the message does. Only the
 * project itself sends what nobody can switch off.
 */
function asDeclared({ templates }: DeliveryOptions, message: ClaimedMessage): ClaimedMessage {
  const template = templates.find(({ name }) => name === message.content?.template)
  const purpose = template?.purpose ?? message.purpose
  return {
    ...message,
    purpose: purpose === 'security' && !message.trusted ? 'transactional' : purpose,
    topic: message.topic ?? template?.topic ?? template?.name ?? null,
  }
}

/** What is known of a message before it is sent; undefined: it goes out now. */
function withoutSending(
  { clock }: DeliveryOptions,
  message: ClaimedMessage,
  { problem, wishes, suppressed, zone }: Recipient,
): Outcome | undefined {
  const { channel, purpose, priority, content } = message
  if (content === null) return cancelled(message, 'its row is gone')
  if (message.claims > message.failures + mostDeaths) return failed(message, 'workers died with it too often')
  if (message.handedOver)
    return failed(message, 'it may have been sent, and is not sent again: a worker died with it')
  if (problem) return failed(message, problem)
  const decision = decide({ channel, purpose, priority, wishes, suppressed, zone, now: clock.now() })
  if (decision.kind === 'cancel') return cancelled(message, decision.reason)
  if (decision.kind === 'wait') return { id: message.id, state: 'waiting', due_at: decision.until }
  return undefined
}

/** One attempt. Undefined: the message is not this worker's any more. */
async function attempt(
  options: DeliveryOptions,
  lease: string,
  message: ClaimedMessage,
  recipient: Recipient,
): Promise<Outcome | undefined> {
  const { clock, backOff, mail } = options
  const atMostOnce = message.channel === 'sms'
  try {
    if (message.channel === 'push') return await sendPush(options, message, recipient)
    if (message.channel === 'sms') return await sendSms(options, lease, message, recipient)
    if (!mail) throw nothingSends('mail')
    return await sendMail(options, mail, message, recipient)
  } catch (error) {
    if (error instanceof HandoverError && error.pause !== undefined)
      await pauseProvider(options, message.channel, error.pause)
    return outcomeOf(message, error, { backOff, now: clock.now(), atMostOnce })
  }
}

const nothingSends = (what: string) =>
  new HandoverError(
    'later',
    `this project has no provider for ${what}: see notifications.${what === 'SMS' ? 'twilioAccountSid' : 'smtpHost'}`,
  )

/** It is written down, and committed, that the message is handed over, before it is. */
async function sendSms(
  { database, clock, sms, templates, sender }: DeliveryOptions,
  lease: string,
  message: ClaimedMessage,
  { address, locale }: Recipient,
): Promise<Outcome | undefined> {
  if (!sms) throw nothingSends('SMS')
  const { sms: text } = await render(message.content!, {
    templates,
    locale,
    sender: sender.name,
    unsubscribe: null,
  })
  const { rowCount } = await database.asOwner(
    sql`select plinth.hand_over_notifications(${lease}, ${[message.id]}::uuid[], ${clock.now()})`,
  )
  if (rowCount === 0) return { id: message.id, state: 'waiting', due_at: clock.now() }
  const { id } = await sms.send({ key: message.id, to: address ?? '', text })
  return { id: message.id, state: 'sent', provider: sms.name, provider_id: id }
}

/** Writes messages into the app and records them in one transaction, with those that were settled without it. */
async function writeInApp(
  options: DeliveryOptions,
  lease: string,
  open: readonly { readonly message: ClaimedMessage; readonly recipient: Recipient }[],
  settled: readonly Outcome[],
): Promise<Outcome[]> {
  const { database, clock, templates, sender, backOff } = options
  const written: object[] = []
  const outcomes: Outcome[] = []
  for (const { message, recipient } of open) {
    try {
      const { content, person, id } = message
      const { locale } = recipient
      const { subject, text, url } = await render(content!, {
        templates,
        locale,
        sender: sender.name,
        unsubscribe: null,
      })
      const level = content!.level ?? 'info'
      written.push({ id, person, title: subject, message: text || subject, level, action_url: url })
      outcomes.push({ id, state: 'sent', provider: 'in_app' })
    } catch (error) {
      outcomes.push(outcomeOf(message, error, { backOff, now: clock.now() }))
    }
  }
  await database.asOwner(sql`
    select plinth.deliver_in_app(${lease}, ${JSON.stringify([...settled, ...outcomes])}, ${JSON.stringify(written)}, ${clock.now()})`)
  return outcomes
}

async function nextDueAt(
  database: ProjectDatabase,
  channel: Channel,
  leastPriority: number,
): Promise<number | null> {
  const { rows } = await database.asOwner<{ next: string | null }>(
    sql`select plinth.next_notification(${channel}, ${leastPriority}) as next`,
  )
  const next = rows[0]?.next
  if (next === null || next === undefined) return null
  return next === '-infinity' ? Number.NEGATIVE_INFINITY : new Date(next).getTime()
}

/** How many messages may go out now. What is written into the app has no provider. */
async function takeSends(
  { database, clock, perSecond }: DeliveryOptions,
  channel: Channel,
  wanted: number,
): Promise<{ readonly granted: number; readonly again: Date | undefined }> {
  if (channel === 'in_app') return { granted: wanted, again: undefined }
  const { rows } = await database.asOwner<{ granted: number; again_at: string | null }>(
    sql`select * from plinth.take_sends(${channel}, ${wanted}, ${perSecond[channel] ?? null}, ${clock.now()})`,
  )
  const { granted, again_at: again } = rows[0]!
  return { granted, again: again === null ? undefined : new Date(again) }
}

/** What was not handed over does not count. */
async function returnSends(
  { database, perSecond }: DeliveryOptions,
  channel: Channel,
  unused: number,
): Promise<void> {
  if (perSecond[channel] === undefined || unused === 0) return
  await database.asOwner(
    sql`update plinth.notification_rates set tokens = tokens + ${unused}::int where provider = ${channel}`,
  )
}

/** All messages of the channel wait, of all nodes. */
async function pauseProvider(
  { database, clock }: DeliveryOptions,
  channel: Channel,
  pause: number,
): Promise<void> {
  const until = new Date(clock.now().getTime() + pause)
  await database.asOwner(sql`
    update plinth.notification_rates set paused_until = greatest(paused_until, ${until}) where provider = ${channel}`)
}
