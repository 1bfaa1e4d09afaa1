import { type ProjectDatabase, type Statement, sql } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import { requireSendable } from './check-message.ts'
import type { MailTransport, SmsTransport } from './outgoing.ts'
import { isLoopback } from './smtp-transport.ts'

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

/**
 * Whether messages that no provider sends are kept for a person to read: on a developer's own machine, where the project is
 * at a loopback address. A command without a server opens the project without an address, and needs no inbox.
 */
export const hasInbox = (url: string): boolean => URL.canParse(url) && isLoopback(new URL(url).hostname)

/** Keeps messages in the project's database, each key once: development only. */
export function createInbox(
  database: ProjectDatabase,
  clock: Clock,
): { readonly mail: MailTransport; readonly sms: SmsTransport } {
  const keep = async (message: KeptMessage) => {
    await database.asOwner(insertMessage(message, clock.now()))
    return { id: null }
  }
  return {
    mail: {
      name: 'inbox',
      send: async (mail) => {
        requireSendable(mail)
        const { key, to: recipient, subject, text: body, html = null } = mail
        return keep({ key, kind: 'mail', recipient, subject, body, html })
      },
    },
    sms: {
      name: 'inbox',
      send: ({ key, to: recipient, text: body }) =>
        keep({ key, kind: 'sms', recipient, subject: '', body, html: null }),
    },
  }
}

type KeptMessage = Omit<InboxMessage, 'id' | 'sent_at'> & { readonly key: string }

const insertMessage = (
  { key, kind, recipient, subject, body, html }: KeptMessage,
  at: Date,
): Statement => sql`
  with stored as (
    insert into plinth.inbox (key, kind, recipient, subject, body, html, sent_at)
    values (${key}, ${kind}, ${recipient}, ${subject}, ${body}, ${html}, ${at}) on conflict (key) do nothing
  )
  delete from plinth.inbox where id <= (select max(id) from plinth.inbox) - ${kept - 1}`

/** Newest first. Messages that arrive at the same moment do not see each other, so a few more may be stored. */
export const readInbox = (recipient: string | null): Statement => sql`
  select m.id::text, m.kind, m.recipient, m.subject, m.body, m.html, m.sent_at from plinth.inbox m
  where ${recipient}::text is null or m.recipient = ${recipient} order by m.id desc limit ${kept}`

export const emptyInbox = (): Statement => sql`delete from plinth.inbox`
