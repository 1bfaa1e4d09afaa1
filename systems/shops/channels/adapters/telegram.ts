import { z } from 'zod'
import { type ChannelAdapter, instantOf } from './channel-adapter.ts'
import { isSame } from './genuine.ts'

const update = z.object({
  message: z.object({
    message_id: z.number(),
    date: z.number(),
    chat: z.object({ id: z.number() }),
    from: z
      .object({
        is_bot: z.boolean().default(false),
        first_name: z.string().default(''),
        last_name: z.string().optional(),
      })
      .optional(),
    text: z.string().optional(),
    caption: z.string().optional(),
    photo: z.array(z.object({ file_id: z.string() })).optional(),
    document: z.object({ file_id: z.string(), file_name: z.string().optional() }).optional(),
  }),
})

const sent = z.object({ result: z.object({ message_id: z.number(), chat: z.object({ id: z.number() }) }) })

/** Telegram's Bot API (https://core.telegram.org/bots/api). The secret is the webhook's `secret_token`. */
export const telegram: ChannelAdapter = {
  recognisesRepetition: false,
  isGenuine: (_, header, secret) => isSame(header('x-telegram-bot-api-secret-token') ?? '', secret),
  read: (body) => {
    const parsed = update.safeParse(body)
    if (!parsed.success || parsed.data.message.from?.is_bot) return []
    const { message } = parsed.data
    const name = [message.from?.first_name, message.from?.last_name].filter(Boolean).join(' ')
    return [
      {
        externalId: `telegram:${message.chat.id}:${message.message_id}`,
        customer: String(message.chat.id),
        customerName: name || null,
        text: message.text ?? message.caption ?? null,
        attachments: [
          ...(message.photo ? [{ type: 'image', id: message.photo.at(-1)?.file_id }] : []),
          ...(message.document
            ? [{ type: 'file', id: message.document.file_id, name: message.document.file_name }]
            : []),
        ],
        at: instantOf(message.date * 1000),
      },
    ]
  },
  request: ({ customer, text }, token) => ({
    path: `/bot${encodeURIComponent(token)}/sendMessage`,
    headers: {},
    body: { chat_id: Number(customer), text },
  }),
  idOf: (answer) => {
    const parsed = sent.safeParse(answer)
    return parsed.success ? `telegram:${parsed.data.result.chat.id}:${parsed.data.result.message_id}` : null
  },
}
