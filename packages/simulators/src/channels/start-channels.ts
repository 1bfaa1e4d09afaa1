import { createHmac } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { createFaults, type Faults, type PlannedFault } from '../core/faults.ts'
import { listen } from '../core/listen.ts'

/** A message that a platform took from a shop. */
export interface TakenMessage {
  readonly platform: 'telegram' | 'line' | 'meta'
  readonly token: string
  /** The customer, or the comment that it answers. */
  readonly to: string
  readonly text: string
  /** What the platform calls it. */
  readonly id: string
}

/** A request that a platform would make to a webhook. */
export interface WebhookRequest {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** What a customer writes, in a platform's own words and signed with the secret of its webhook. */
export interface CustomerMessage {
  readonly customer: string
  readonly text: string
  readonly id: string
  readonly secret: string
}

export interface ChannelSimulator {
  /** Without a trailing slash: the base address of every platform, of the model (`/v1`) and of OAuth (`/oauth/token`, `/oauth/revoke`). */
  readonly url: string
  readonly taken: readonly TakenMessage[]
  /** What the model was asked, as it came. */
  readonly questions: readonly unknown[]
  /** Tokens that were revoked. */
  readonly revoked: readonly string[]
  readonly faults: Faults
  /** What the model answers from now on. Default: `Answer to: <the last message>`. */
  answerWith(answer: (lastMessage: string) => string): void
  telegram(message: CustomerMessage): WebhookRequest
  line(message: CustomerMessage): WebhookRequest
  facebook(message: CustomerMessage & { readonly echo?: boolean; readonly comment?: boolean }): WebhookRequest
  whatsapp(message: CustomerMessage): WebhookRequest
  stop(): Promise<void>
}

type Call = Context<{ Bindings: HttpBindings }>

/**
 * Messaging platforms (Telegram, LINE, Meta), an OpenAI-compatible model and an OAuth server on loopback. They speak the documented
 * wire formats as far as shops use them: LINE drops a repetition by its retry key, the others send a message as often as it is sent.
 */
export async function startChannels({
  port = 0,
}: {
  readonly port?: number
} = {}): Promise<ChannelSimulator> {
  const taken: TakenMessage[] = []
  const questions: unknown[] = []
  const revoked: string[] = []
  const retryKeys = new Map<string, string>()
  const faults = createFaults({ faults: [] as PlannedFault[] })
  let answer = (text: string) => `Answer to: ${text}`
  let counter = 0
  const nextId = () => String(1_000 + ++counter)
  const take = (message: TakenMessage) => {
    taken.push(message)
    return message.id
  }
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(async (call, next) => {
    const fault = faults.take(call.req.method, call.req.path)
    if (fault?.hangUp === 'before') return hangUp(call)
    if (fault?.status)
      return call.json({ error: fault.error ?? { message: 'simulated' } }, fault.status as 500)
    await next()
    if (fault?.hangUp === 'after') call.res = hangUp(call)
    return undefined
  })
  app.post('/:bot{bot.+}/sendMessage', async (call) => {
    const { chat_id, text } = await call.req.json<{ chat_id: number; text: string }>()
    const token = decodeURIComponent(call.req.param('bot').slice('bot'.length))
    const id = take({ platform: 'telegram', token, to: String(chat_id), text, id: nextId() })
    return call.json({ ok: true, result: { message_id: Number(id), chat: { id: chat_id }, text } })
  })
  app.post('/v2/bot/message/push', async (call) => {
    const { to, messages } = await call.req.json<{ to: string; messages: { text: string }[] }>()
    const key = call.req.header('x-line-retry-key') ?? ''
    const known = retryKeys.get(key)
    if (known)
      return call.json({ message: 'The retry key is already accepted', sentMessages: [{ id: known }] }, 409)
    const id = take({ platform: 'line', token: bearer(call), to, text: messages[0]!.text, id: nextId() })
    if (key) retryKeys.set(key, id)
    return call.json({ sentMessages: [{ id, quoteToken: 'q' }] })
  })
  app.post('/me/messages', async (call) => {
    const { recipient, message } = await call.req.json<{
      recipient: { id: string }
      message: { text: string }
    }>()
    const id = take({
      platform: 'meta',
      token: bearer(call),
      to: recipient.id,
      text: message.text,
      id: `m_${nextId()}`,
    })
    return call.json({ recipient_id: recipient.id, message_id: id })
  })
  app.post('/:comment/:kind{comments|replies}', async (call) => {
    const { message } = await call.req.json<{ message: string }>()
    const id = take({
      platform: 'meta',
      token: bearer(call),
      to: call.req.param('comment'),
      text: message,
      id: `c_${nextId()}`,
    })
    return call.json({ id })
  })
  app.post('/v1/chat/completions', async (call) => {
    const question = await call.req.json<{ messages: { content: string }[] }>()
    questions.push(question)
    const content = answer(question.messages.at(-1)?.content ?? '')
    return call.json({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    })
  })
  app.post('/oauth/token', async (call) => {
    const fields = new URLSearchParams(await call.req.text())
    const given = fields.get('code') ?? fields.get('refresh_token') ?? ''
    if (given.startsWith('bad')) return call.json({ error: 'invalid_grant' }, 400)
    return call.json({
      access_token: `access of ${given}`,
      refresh_token: `next of ${given}`,
      expires_in: 3_600,
      token_type: 'bearer',
    })
  })
  app.post('/oauth/revoke', async (call) => {
    revoked.push(new URLSearchParams(await call.req.text()).get('token') ?? '')
    return call.body(null, 200)
  })
  app.post('/:phone/messages', async (call) => {
    const { to, text } = await call.req.json<{ to: string; text: { body: string } }>()
    const id = take({ platform: 'meta', token: bearer(call), to, text: text.body, id: `wamid.${nextId()}` })
    return call.json({ messaging_product: 'whatsapp', messages: [{ id }] })
  })
  const { url, stop } = await listen(app, port)
  return {
    url,
    stop,
    taken,
    questions,
    revoked,
    faults,
    answerWith: (given) => {
      answer = given
    },
    telegram: ({ customer, text, id, secret }) =>
      request(
        {
          update_id: Number(id),
          message: {
            message_id: Number(id),
            date: 1_768_478_400,
            chat: { id: Number(customer), type: 'private' },
            from: { id: Number(customer), is_bot: false, first_name: 'Cleo' },
            text,
          },
        },
        () => ({ 'x-telegram-bot-api-secret-token': secret }),
      ),
    line: ({ customer, text, id, secret }) =>
      request(
        {
          destination: 'U0',
          events: [
            {
              type: 'message',
              webhookEventId: `01${id}`,
              deliveryContext: { isRedelivery: false },
              timestamp: 1_768_478_400_000,
              source: { type: 'user', userId: customer },
              message: { id, type: 'text', text },
            },
          ],
        },
        (body) => ({ 'x-line-signature': createHmac('sha256', secret).update(body).digest('base64') }),
      ),
    facebook: ({ customer, text, id, secret, echo = false, comment = false }) => {
      const direct = {
        sender: { id: customer },
        recipient: { id: 'page' },
        timestamp: 1_768_478_400_000,
        message: { mid: id, text, ...(echo ? { is_echo: true } : {}) },
      }
      const feed = {
        field: 'feed',
        value: {
          item: 'comment',
          verb: 'add',
          comment_id: id,
          from: { id: customer, name: 'Cleo' },
          message: text,
          created_time: 1_768_478_400,
        },
      }
      return request(
        {
          object: 'page',
          entry: [{ id: 'page', time: 1, ...(comment ? { changes: [feed] } : { messaging: [direct] }) }],
        },
        metaSignature(secret),
      )
    },
    whatsapp: ({ customer, text, id, secret }) =>
      request(
        {
          object: 'whatsapp_business_account',
          entry: [
            {
              id: 'waba',
              changes: [
                {
                  field: 'messages',
                  value: {
                    messaging_product: 'whatsapp',
                    contacts: [{ wa_id: customer, profile: { name: 'Cleo' } }],
                    messages: [
                      { id, from: customer, timestamp: '1768478400', type: 'text', text: { body: text } },
                    ],
                  },
                },
              ],
            },
          ],
        },
        metaSignature(secret),
      ),
  }
}

const request = (
  content: unknown,
  sign: (body: string) => Readonly<Record<string, string>>,
): WebhookRequest => {
  const body = JSON.stringify(content)
  return { body, headers: { 'content-type': 'application/json', ...sign(body) } }
}

const metaSignature = (secret: string) => (body: string) => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
})

const bearer = (call: Call): string => (call.req.header('authorization') ?? '').replace(/^Bearer /, '')

function hangUp(call: Call): Response {
  call.env.incoming.socket.destroy()
  return new Response(null)
}
