import { type ProjectDatabase, type Statement, sql } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { AuthSettings } from '../settings.ts'
import type { Messenger } from './messenger.ts'
import { renderMail } from './render-mail.ts'

/** A message of the development inbox. */
export interface InboxMessage {
  readonly id: string
  readonly kind: 'mail' | 'sms'
  readonly recipient: string
  readonly subject: string
  readonly body: string
  readonly html: string | null
  readonly sent_at: string
}

/** Messages that are kept; older ones go. */
const kept = 200

/** Keeps messages in the project's database for a person to read, where no provider sends them: development only. */
export function createInboxMessenger(
  database: ProjectDatabase,
  settings: AuthSettings,
  clock: Clock,
): Messenger {
  const keep = async (message: Omit<InboxMessage, 'id' | 'sent_at'>) => {
    await database.asOwner(insertMessage(message, clock.now()))
  }
  return {
    sendMail: async (mail) => {
      const { subject, html, text } = renderMail(settings, mail)
      await keep({ kind: 'mail', recipient: mail.to, subject, body: text, html })
    },
    sendSms: ({ to, text }) => keep({ kind: 'sms', recipient: to, subject: '', body: text, html: null }),
  }
}

const insertMessage = (message: Omit<InboxMessage, 'id' | 'sent_at'>, at: Date): Statement => sql`
  with stored as (
    insert into plinth.inbox (kind, recipient, subject, body, html, sent_at)
    values (${message.kind}, ${message.recipient}, ${message.subject}, ${message.body}, ${message.html}, ${at})
  )
  delete from plinth.inbox where id <= (select max(id) from plinth.inbox) - ${kept - 1}`

/** Newest first. Messages that arrive at the same moment do not see each other, so a few more may be stored. */
export const readInbox = (recipient: string | null): Statement => sql`
  select m.id::text, m.kind, m.recipient, m.subject, m.body, m.html, m.sent_at from plinth.inbox m
  where ${recipient}::text is null or m.recipient = ${recipient} order by m.id desc limit ${kept}`

export const emptyInbox = (): Statement => sql`delete from plinth.inbox`
