import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { newId } from '../../kernel/index.ts'
import { notificationErrors } from '../errors.ts'
import type { AnyTemplate } from '../templates/define-template.ts'
import { messagesOf, type Notification, type QueuedMessage } from './notification.ts'

/** How many messages were queued; those left out had a dedupe key that was there already. */
export interface Queued {
  readonly queued: number
  readonly leftOut: number
}

/** How far a batch is. */
export interface BatchProgress {
  readonly total: number
  readonly waiting: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly cancelled: number
}

/** Messages of one statement. */
const together = 500

export interface QueueOptions {
  readonly database: ProjectDatabase
  readonly templates: readonly AnyTemplate[]
  readonly mostRecipients: number
}

/** Queues a notification. Fails as {@link messagesOf}. */
export async function queueNotification(options: QueueOptions, notification: Notification): Promise<Queued> {
  const messages = messagesOf(notification, options.templates)
  const queued = await insert(options.database, messages)
  return { queued, leftOut: messages.length - queued }
}

/**
 * Queues many as one batch, whose progress can be asked for. Each person gets it once for each channel, however often it is
 * queued under the same batch: a caller that died goes on by calling again. All are checked before the first is queued. Fails
 * with `too_many_recipients`.
 */
export async function queueMany(
  options: QueueOptions,
  notifications: Iterable<Notification>,
  batch: string = newId(),
): Promise<Queued & { readonly batch: string }> {
  const messages: QueuedMessage[] = []
  let people = 0
  for (const given of notifications) {
    people += 1
    if (people > options.mostRecipients)
      throw notificationErrors.too_many_recipients({ most: options.mostRecipients })
    const dedupeKey = given.dedupeKey ?? `${batch}/${given.to.person ?? given.to.email ?? given.to.phone}`
    for (const message of messagesOf({ ...given, batch, dedupeKey }, options.templates))
      messages.push(message)
    // Checking takes its time: others have their turn in between.
    if (people % together === 0) await yieldToOthers()
  }
  let queued = 0
  for (let at = 0; at < messages.length; at += together)
    queued += await insert(options.database, messages.slice(at, at + together))
  return { batch, queued, leftOut: messages.length - queued }
}

async function insert(database: ProjectDatabase, messages: readonly QueuedMessage[]): Promise<number> {
  const { rows } = await database.asOwner<{ queued: string }>(
    sql`select plinth.queue_messages(${JSON.stringify(messages)}) as queued`,
  )
  return Number(rows[0]!.queued)
}

export async function readProgress(database: ProjectDatabase, batch: string): Promise<BatchProgress> {
  const { rows } = await database.asOwner<BatchProgress>(sql`
    select count(*)::int as total,
      count(*) filter (where state = 'waiting')::int as waiting,
      count(*) filter (where state = 'sent')::int as sent,
      count(*) filter (where delivered_at is not null)::int as delivered,
      count(*) filter (where state = 'failed')::int as failed,
      count(*) filter (where state = 'cancelled')::int as cancelled
    from plinth.notification_deliveries where batch = ${batch}`)
  return rows[0]!
}

/** A message that was given up. */
export interface DeadLetter {
  readonly id: string
  readonly queue: string
  readonly message: string
  readonly channel: string
  readonly failures: number
  readonly problem: string | null
  readonly created_at: string
}

/** The newest messages that were given up. */
export async function readDeadLetters(database: ProjectDatabase, most = 100): Promise<DeadLetter[]> {
  const { rows } = await database.asOwner<DeadLetter>(sql`
    select id, queue, message, channel, failures, problem, created_at from plinth.notification_deliveries
    where state = 'failed' order by created_at desc limit ${most}`)
  return rows
}

/**
 * Tries messages again that were given up since then: all, or one by its id. An SMS whose outcome is unknown may go out a
 * second time, so it is left out unless it is named. Gives how many.
 */
export async function replayDeadLetters(
  database: ProjectDatabase,
  { since, id }: { readonly since?: Date; readonly id?: string },
): Promise<number> {
  const { rows } = await database.asOwner<{ replayed: string }>(
    sql`select plinth.replay_notifications(${id ?? null}::uuid, ${since ?? null}::timestamptz) as replayed`,
  )
  return Number(rows[0]!.replayed)
}

/** Withdraws what waits under a dedupe key, in every channel; gives how many messages. */
export async function cancelNotification(database: ProjectDatabase, dedupeKey: string): Promise<number> {
  const { rows } = await database.asOwner<{ cancelled: string }>(
    sql`select plinth.cancel_notifications(${dedupeKey}) as cancelled`,
  )
  return Number(rows[0]!.cancelled)
}
