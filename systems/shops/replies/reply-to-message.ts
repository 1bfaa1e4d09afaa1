import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import type { InboundMessage } from '../channels/adapters/channel-adapter.ts'
import type { Channels } from '../channels/capability.ts'
import type { ReplyRule } from './match-rules.ts'

interface Received {
  readonly message: string
  readonly shop: string
  readonly is_new: boolean
  readonly ai: boolean
  readonly bot_may_answer: boolean
  readonly rules_stamp: string
}

/**
 * Takes a message in and answers it by a keyword, or asks the AI port to. Safe to repeat: a message that was taken in before a
 * crash is answered when the platform delivers it again. Gives whether it was new.
 */
export async function takeMessage(
  db: ScopedDatabase,
  channels: Channels,
  integration: string,
  message: InboundMessage,
): Promise<boolean> {
  const row = {
    external_id: message.externalId,
    customer: message.customer,
    customer_name: message.customerName?.slice(0, 200) ?? null,
    text: message.text?.slice(0, 20_000) ?? null,
    attachments: message.attachments.slice(0, 20),
    at: message.at?.toISOString() ?? null,
  }
  const received = await ask<Received | null>(
    db,
    sql`select private.receive_message(${integration}, ${toJson(row)}::jsonb) as answer`,
  )
  if (received?.bot_may_answer && message.text) await reply(db, channels, received, message)
  return received?.is_new ?? false
}

async function reply(
  db: ScopedDatabase,
  channels: Channels,
  { message: id, shop, rules_stamp, ai }: Received,
  message: InboundMessage,
): Promise<void> {
  const isComment = message.attachments.some(({ type }) => type === 'comment')
  const rules = await channels.rules(shop, rules_stamp, () =>
    ask<readonly ReplyRule[]>(db, sql`select private.reply_rules(${shop}) as answer`, { readOnly: true }),
  )
  const fitting = rules.matching(message.text ?? '', isComment ? 'comments' : 'chat')
  if (fitting.length > 0) {
    await db.query(sql`select private.answer_message(${id}, ${fitting})`)
    return
  }
  if (ai && channels.askModel && !isComment)
    await db.query(
      sql`select plinth.add_job('answer-by-ai', ${JSON.stringify({ message: id })}::jsonb, null, ${`ai ${id}`})`,
    )
}

/** JSON that PostgreSQL takes: no zero characters and no halves of surrogate pairs. */
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.toWellFormed().replaceAll('\0', '') : part,
  )
