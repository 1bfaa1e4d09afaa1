import { z } from 'zod'
import { type ChannelAdapter, type InboundMessage, instantOf } from './channel-adapter.ts'
import { hmacSha256, isSame } from './genuine.ts'

const delivery = z.object({ events: z.array(z.unknown()) })

const event = z.object({
  type: z.literal('message'),
  timestamp: z.number(),
  source: z.object({ userId: z.string() }),
  message: z.object({ id: z.string(), type: z.string(), text: z.string().optional() }),
})

const sent = z.object({ sentMessages: z.array(z.object({ id: z.string() })).min(1) })

/** LINE's Messaging API (https://developers.line.biz/en/reference/messaging-api/). The secret is the channel's. */
export const line: ChannelAdapter = {
  recognisesRepetition: true,
  isGenuine: (bytes, header, secret) =>
    isSame(header('x-line-signature') ?? '', hmacSha256(secret, bytes, 'base64')),
  read: (body) => {
    const parsed = delivery.safeParse(body)
    return parsed.success ? parsed.data.events.flatMap(readEvent) : []
  },
  request: ({ id, customer, text }, token) => ({
    path: '/v2/bot/message/push',
    headers: { authorization: `Bearer ${token}`, 'x-line-retry-key': id },
    body: { to: customer, messages: [{ type: 'text', text: text.slice(0, 5_000) }] },
  }),
  idOf: (answer) => {
    const parsed = sent.safeParse(answer)
    return parsed.success ? `line:${parsed.data.sentMessages[0]!.id}` : null
  },
}

function readEvent(given: unknown): readonly InboundMessage[] {
  const parsed = event.safeParse(given)
  if (!parsed.success) return []
  const { message, source, timestamp } = parsed.data
  return [
    {
      externalId: `line:${message.id}`,
      customer: source.userId,
      customerName: null,
      text: message.text ?? null,
      attachments: message.type === 'text' ? [] : [{ type: message.type, id: message.id }],
      at: instantOf(timestamp),
    },
  ]
}
