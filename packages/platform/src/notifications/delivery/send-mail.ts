import type { Attachment, MailTransport, OutgoingMail } from '../../messages/index.ts'
import { calendarInvite } from '../calendar/calendar-invite.ts'
import type { ClaimedMessage } from '../model/message.ts'
import { type Appointment, extrasOf } from '../queue/notification.ts'
import { render } from '../templates/render.ts'
import type { DeliveryOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import type { Recipient } from './resolve.ts'

/** Hands a mail to the project's provider. Fails with a HandoverError, or with what is wrong with the message. */
export async function sendMail(
  options: DeliveryOptions,
  transport: MailTransport,
  message: ClaimedMessage,
  recipient: Recipient,
): Promise<Outcome> {
  const mail = await composeMail(options, message, recipient)
  const { id } = await transport.send(mail)
  return { id: message.id, state: 'sent', provider: transport.name, provider_id: id }
}

/** The mail as it goes out. Marketing carries a link and headers that end it with one click (RFC 8058). */
async function composeMail(
  options: DeliveryOptions,
  { id, purpose, person, topic, content }: ClaimedMessage,
  { address, locale }: Recipient,
): Promise<OutgoingMail> {
  const { templates, sender, clock } = options
  const to = address ?? ''
  const unsubscribe = purpose === 'marketing' ? options.unsubscribeUrl({ person, address: to }, topic) : null
  const { subject, text, html } = await render(content!, {
    templates,
    locale,
    sender: sender.name,
    unsubscribe,
  })
  const { calendar, attachments } = extrasOf(content!.data)
  const files: Attachment[] = attachments.map((file) => ({
    ...file,
    content: Buffer.from(file.content, 'base64'),
  }))
  if (calendar) files.push(await inviteFor(calendar, to, sender, clock.now()))
  return {
    key: id,
    to,
    subject,
    text,
    html,
    ...(sender.replyTo ? { replyTo: sender.replyTo } : {}),
    ...(unsubscribe
      ? {
          headers: {
            'List-Unsubscribe': `<${unsubscribe}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          },
        }
      : {}),
    attachments: files,
  }
}

const inviteFor = (
  { organizer, description, location, url, remindMinutes, cancelled, ...event }: Appointment,
  to: string,
  sender: DeliveryOptions['sender'],
  now: Date,
): Promise<Attachment> =>
  calendarInvite(
    {
      ...event,
      ...(description === undefined ? {} : { description }),
      ...(location === undefined ? {} : { location }),
      ...(url === undefined ? {} : { url }),
      ...(remindMinutes === undefined ? {} : { remindMinutes }),
      ...(cancelled === undefined ? {} : { cancelled }),
      organizer: organizer ?? {
        name: sender.name || 'Calendar',
        email: sender.address ?? 'calendar@localhost.localdomain',
      },
      attendee: { email: to },
    },
    { now },
  )
