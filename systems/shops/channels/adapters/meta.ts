import { z } from 'zod'
import {
  type ChannelAdapter,
  type InboundMessage,
  instantOf,
  type OutboundMessage,
} from './channel-adapter.ts'
import { hmacSha256, isSame } from './genuine.ts'

const delivery = z.object({
  entry: z.array(
    z.object({
      id: z.string(),
      messaging: z.array(z.unknown()).default([]),
      changes: z.array(z.unknown()).default([]),
    }),
  ),
})

const direct = z.object({
  sender: z.object({ id: z.string() }),
  timestamp: z.number(),
  message: z.object({
    mid: z.string(),
    text: z.string().optional(),
    is_echo: z.boolean().default(false),
    attachments: z
      .array(z.object({ type: z.string(), payload: z.object({ url: z.string().optional() }).optional() }))
      .default([]),
  }),
})

/** Of a page (`feed`) and of an Instagram account (`comments`). */
const comment = z.union([
  z
    .object({
      field: z.literal('feed'),
      value: z.object({
        item: z.literal('comment'),
        verb: z.literal('add'),
        comment_id: z.string(),
        from: z.object({ id: z.string(), name: z.string().optional() }),
        message: z.string().optional(),
        created_time: z.number().optional(),
      }),
    })
    .transform(({ value }) => ({
      ...value,
      id: value.comment_id,
      name: value.from.name,
      text: value.message,
    })),
  z
    .object({
      field: z.literal('comments'),
      value: z.object({
        id: z.string(),
        from: z.object({ id: z.string(), username: z.string().optional() }),
        text: z.string().optional(),
        created_time: z.number().optional(),
      }),
    })
    .transform(({ value }) => ({ ...value, name: value.from.username })),
])

const whatsappMessages = z.object({
  field: z.literal('messages'),
  value: z.object({
    contacts: z
      .array(z.object({ wa_id: z.string(), profile: z.object({ name: z.string() }).optional() }))
      .default([]),
    messages: z
      .array(
        z.object({
          id: z.string(),
          from: z.string(),
          timestamp: z.string(),
          type: z.string(),
          text: z.object({ body: z.string() }).optional(),
        }),
      )
      .default([]),
  }),
})

const sent = z.union([
  z.object({ message_id: z.string() }).transform(({ message_id }) => message_id),
  z
    .object({ messages: z.array(z.object({ id: z.string() })).min(1) })
    .transform(({ messages }) => messages[0]!.id),
  z.object({ id: z.string() }).transform(({ id }) => id),
])

const isGenuine: ChannelAdapter['isGenuine'] = (bytes, header, secret) =>
  isSame(header('x-hub-signature-256') ?? '', `sha256=${hmacSha256(secret, bytes, 'hex')}`)

const authorised = (token: string) => ({ authorization: `Bearer ${token}` })

const idOf: ChannelAdapter['idOf'] = (answer) => {
  const parsed = sent.safeParse(answer)
  return parsed.success ? `meta:${parsed.data}` : null
}

type Entry = z.output<typeof delivery>['entry'][number]

const readWith =
  (readEntry: (entry: Entry) => readonly InboundMessage[]): ChannelAdapter['read'] =>
  (body) => {
    const parsed = delivery.safeParse(body)
    return parsed.success ? parsed.data.entry.flatMap(readEntry) : []
  }

/** Facebook pages and Instagram accounts (https://developers.facebook.com/docs/messenger-platform). The secret is the app's. */
const messenger = (replyPath: 'comments' | 'replies'): ChannelAdapter => ({
  recognisesRepetition: false,
  isGenuine,
  read: readWith((entry) => [
    ...entry.messaging.flatMap(readDirect),
    ...entry.changes.flatMap((change) => readComment(change, entry.id)),
  ]),
  request: (message, token) => ({
    path: message.comment ? `/${encodeURIComponent(message.comment)}/${replyPath}` : '/me/messages',
    headers: authorised(token),
    body: message.comment ? { message: message.text } : directBody(message),
  }),
  idOf,
})

const directBody = ({ customer, text, attachments }: OutboundMessage) => {
  const replies = attachments
    .filter(({ type }) => type === 'buttons')
    .flatMap(({ buttons }) => (Array.isArray(buttons) ? buttons : []))
    .map((button: unknown) => String((button as { title?: unknown })?.title ?? button).slice(0, 20))
    .slice(0, 13)
  return {
    recipient: { id: customer },
    messaging_type: 'RESPONSE',
    message: {
      text: text.slice(0, 2_000),
      ...(replies.length > 0
        ? { quick_replies: replies.map((title) => ({ content_type: 'text', title, payload: title })) }
        : {}),
    },
  }
}

function readDirect(given: unknown): readonly InboundMessage[] {
  const parsed = direct.safeParse(given)
  if (!parsed.success || parsed.data.message.is_echo) return []
  const { sender, timestamp, message } = parsed.data
  return [
    {
      externalId: `meta:${message.mid}`,
      customer: sender.id,
      customerName: null,
      text: message.text ?? null,
      attachments: message.attachments.map(({ type, payload }) => ({ type, url: payload?.url })),
      at: instantOf(timestamp),
    },
  ]
}

function readComment(given: unknown, account: string): readonly InboundMessage[] {
  const parsed = comment.safeParse(given)
  // What the account itself writes below a post is no customer's comment.
  if (!parsed.success || parsed.data.from.id === account) return []
  const { id, from, name, text, created_time } = parsed.data
  return [
    {
      externalId: `meta:${id}`,
      customer: from.id,
      customerName: name ?? null,
      text: text ?? null,
      attachments: [{ type: 'comment', id }],
      at: created_time === undefined ? null : instantOf(created_time * 1000),
    },
  ]
}

export const facebook = messenger('comments')
export const instagram = messenger('replies')

/** WhatsApp's Cloud API (https://developers.facebook.com/docs/whatsapp/cloud-api). The account is the telephone number's id. */
export const whatsapp: ChannelAdapter = {
  recognisesRepetition: false,
  isGenuine,
  read: readWith(({ changes }) =>
    changes.flatMap((change) => {
      const parsed = whatsappMessages.safeParse(change)
      if (!parsed.success) return []
      const { contacts, messages } = parsed.data.value
      return messages.map(({ id, from, timestamp, type, text }) => ({
        externalId: `meta:${id}`,
        customer: from,
        customerName: contacts.find(({ wa_id }) => wa_id === from)?.profile?.name ?? null,
        text: text?.body ?? null,
        attachments: type === 'text' ? [] : [{ type, id }],
        at: instantOf(Number(timestamp) * 1000),
      }))
    }),
  ),
  request: ({ customer, text, account }, token) => ({
    path: `/${encodeURIComponent(account ?? '')}/messages`,
    headers: authorised(token),
    body: { messaging_product: 'whatsapp', to: customer, type: 'text', text: { body: text.slice(0, 4_096) } },
  }),
  idOf,
}
