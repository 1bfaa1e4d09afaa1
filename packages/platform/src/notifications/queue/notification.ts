import { z } from 'zod'
import { messageErrors, requireMailAddress, requirePhoneNumber } from '../../messages/index.ts'
import { notificationErrors } from '../errors.ts'
import { type Channel, channels, priorities, purposes } from '../model/message.ts'
import type { AnyTemplate } from '../templates/define-template.ts'
import { checkVariables, unknownTemplate } from '../templates/render.ts'

const oneLineText = (longest: number) =>
  z
    .string()
    .max(longest)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these would begin another header
    .refine((text) => !/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(text), 'is more than one line')

/** An appointment that goes along as `.ics`; who gets the message is invited. */
const calendarSchema = z.object({
  uid: oneLineText(250).min(1),
  sequence: z.number().int().min(0),
  start: z.coerce.date(),
  end: z.coerce.date(),
  summary: z.string().max(250),
  description: z.string().max(5_000).optional(),
  location: z.string().max(500).optional(),
  url: z.url().optional(),
  organizer: z.object({ name: oneLineText(200), email: z.email() }).optional(),
  remindMinutes: z.array(z.number().int().min(0).max(40_320)).max(5).optional(),
  cancelled: z.boolean().optional(),
})
export type Appointment = z.output<typeof calendarSchema>

const attachmentSchema = z.object({
  filename: oneLineText(250).min(1),
  contentType: oneLineText(250).default('application/octet-stream'),
  /** Base64; in all at most 5 MiB of a message. */
  content: z.base64(),
})
const longestAttachments = 5 * 1024 * 1024

/** A message for one person or address, as a handler gives it. */
const notificationSchema = z.object({
  to: z.object({
    /** A user of the project: addresses, language and wishes are theirs. */
    person: z.uuid().optional(),
    /** Instead of the person's own. */
    email: z.string().optional(),
    phone: z.string().optional(),
  }),
  /** One message for each. */
  channels: z.array(z.enum(channels)).min(1).max(channels.length),
  template: z.string().min(1).max(100).optional(),
  variables: z.record(z.string(), z.unknown()).optional(),
  /** Without a template. */
  subject: oneLineText(250).optional(),
  body: z.string().max(20_000).optional(),
  html: z.string().max(500_000).optional(),
  purpose: z.enum(purposes).optional(),
  topic: z.string().max(100).optional(),
  locale: z
    .string()
    .regex(/^[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*$/)
    .optional(),
  /** Default medium. */
  priority: z.enum(priorities).optional(),
  /** Default: at once. */
  at: z.date().optional(),
  /** A second message of the same key and channel is not queued. */
  dedupeKey: z.string().min(1).max(300).optional(),
  /** Messages that are counted together. */
  batch: z.string().min(1).max(100).optional(),
  /** Of an in-app message. */
  level: z.enum(['info', 'success', 'warning', 'error']).optional(),
  /** Where the message leads. */
  actionUrl: z.string().max(2_000).optional(),
  calendar: calendarSchema.optional(),
  attachments: z.array(attachmentSchema).max(10).optional(),
})
export type Notification = z.input<typeof notificationSchema>

/** A message by role, as `plinth.queue_messages` takes it. */
export type QueuedMessage = Readonly<Record<string, unknown>>

/**
 * The messages of a notification, one for each channel, checked: nothing is queued that could not go out. Fails with
 * `notification_invalid`, `unknown_template`, `message_address_invalid` or `message_number_invalid`.
 */
export function messagesOf(given: Notification, templates: readonly AnyTemplate[]): QueuedMessage[] {
  const parsed = notificationSchema.safeParse(given)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw notificationErrors.notification_invalid({ problem: problems.join('; ') })
  }
  const notification = parsed.data
  requireContent(notification, templates)
  return [...new Set(notification.channels)].map((channel) => messageOf(notification, channel))
}

type Checked = z.output<typeof notificationSchema>

function requireContent(notification: Checked, templates: readonly AnyTemplate[]): void {
  const { template, subject, body, html, variables = {}, attachments = [], calendar } = notification
  const refuse = (problem: string) => {
    throw notificationErrors.notification_invalid({ problem })
  }
  if (template !== undefined) {
    const found = templates.find(({ name }) => name === template)
    if (!found) throw unknownTemplate(template, templates)
    checkVariables(found, variables)
  } else if (subject === undefined && body === undefined && html === undefined) refuse('it says nothing')
  const bytes = attachments.reduce((sum, { content }) => sum + (content.length * 3) / 4, 0)
  if (bytes > longestAttachments) refuse('its attachments are larger than 5 MiB')
  if (calendar && calendar.end < calendar.start) refuse('calendar: it ends before it starts')
}

function messageOf(notification: Checked, channel: Channel): QueuedMessage {
  const { to, at, dedupeKey, actionUrl, channels: _, ...rest } = notification
  const address = addressOf(to, channel)
  if (address === undefined && to.person === undefined)
    throw notificationErrors.notification_invalid({ problem: `to: nobody is named who could get ${channel}` })
  return {
    ...rest,
    channel,
    ...(to.person === undefined ? {} : { person: to.person }),
    ...(address === undefined ? {} : { address }),
    ...(at === undefined ? {} : { scheduled_for: at.toISOString() }),
    ...(dedupeKey === undefined ? {} : { dedupe_key: `${dedupeKey}/${channel}` }),
    ...(actionUrl === undefined ? {} : { action_url: actionUrl }),
  }
}

function addressOf({ email, phone }: Checked['to'], channel: Channel): string | undefined {
  if (channel === 'email' && email !== undefined) return requireMailAddress(email)
  if (channel === 'sms' && phone !== undefined) return requirePhoneNumber(phone)
  return undefined
}

/** What a row says of attachments and an appointment, read again: a client or an import may have written it. */
export function extrasOf(data: Readonly<Record<string, unknown>>) {
  const parsed = z
    .object({
      calendar: calendarSchema.optional(),
      attachments: z.array(attachmentSchema).max(10).default([]),
    })
    .safeParse(data)
  if (!parsed.success) throw messageErrors.message_header_invalid({ name: 'Content-Disposition' })
  return parsed.data
}
