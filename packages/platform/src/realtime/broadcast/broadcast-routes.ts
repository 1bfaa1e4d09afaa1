import { Hono } from 'hono'
import { z } from 'zod'
import { addressKey, limitBody, type SurfaceEnv } from '../../http/index.ts'
import { payerOfSession } from '../channels/channel.ts'
import { readRights } from '../channels/channel-rights.ts'
import type { RealtimeProject } from '../channels/realtime-project.ts'
import { type Session, sessionOf } from '../channels/session.ts'
import { realtimeErrors } from '../errors.ts'
import type { Broadcast } from '../protocol/client-message.ts'
import { jsonText } from '../protocol/json-text.ts'

/** A frame with bytes has one byte for the length of each name, and the topic has a prefix there. */
const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 240, 'it has more than 240 bytes')

/** One message of a batch. Its payload is JSON because it was parsed as such. */
const message = z.object({
  topic: name,
  event: name,
  payload: z.unknown().optional(),
  private: z.boolean().nullish(),
})

interface Target {
  readonly name: string
  readonly isPrivate: boolean
}

const accepted = 202

/** Broadcasts by HTTP: what supabase-js sends with `httpSend()`, and with `send()` before it has joined. */
export function createBroadcastRoutes(project: RealtimeProject): Hono<SurfaceEnv> {
  const { limits } = project
  const app = new Hono<SurfaceEnv>()

  app.post(
    '/api/broadcast',
    async (c, next) => {
      takeEvent(sessionOf(c.var.caller.claims), c.var.clientAddress)
      await next()
    },
    limitBody(limits.requestBytes),
    async (c) => {
      const session = sessionOf(c.var.caller.claims)
      const messages = readBatch(await c.req.text(), limits.messagesPerRequest)
      // The first was counted before the body was read.
      for (const _ of messages.slice(1)) takeEvent(session, c.var.clientAddress)
      await authorize(session, messages)
      for (const { target, broadcast } of messages) project.broadcasts.send(target, broadcast)
      return c.body(null, accepted)
    },
  )

  app.post(
    '/api/broadcast/:topic/events/:event',
    async (c, next) => {
      const session = sessionOf(c.var.caller.claims)
      takeEvent(session, c.var.clientAddress)
      if (c.req.query('persist') || c.req.query('persist[ttl]'))
        throw realtimeErrors.feature_not_supported({ feature: 'broadcast persist' })
      const { topic, event } = c.req.param()
      for (const given of [topic, event]) {
        if (!name.safeParse(given).success)
          throw realtimeErrors.malformed_payload({ problem: 'topic and event have 1 to 240 bytes' })
      }
      await authorize(session, [{ target: { name: topic, isPrivate: c.req.query('private') === 'true' } }])
      await next()
    },
    limitBody(limits.payloadBytes),
    async (c) => {
      const { topic, event } = c.req.param()
      const bytes = Buffer.from(await c.req.arrayBuffer())
      const isJson = !c.req.header('content-type')?.startsWith('application/octet-stream')
      const target = { name: topic, isPrivate: c.req.query('private') === 'true' }
      project.broadcasts.send(target, { event, body: isJson ? { json: requireJson(bytes) } : { bytes } })
      return c.body(null, accepted)
    },
  )

  function takeEvent(session: Session, address: string): void {
    if (!project.usage.takeEvent(payerOfSession(session, addressKey(address))))
      throw realtimeErrors.too_many_events()
  }

  /** Every room is asked about once. Fails with `public_channels_closed` or `channel_unauthorized`. */
  async function authorize(
    session: Session,
    messages: readonly { readonly target: Target }[],
  ): Promise<void> {
    if (!project.publicChannels && messages.some(({ target }) => !target.isPrivate))
      throw realtimeErrors.public_channels_closed()
    const rooms = messages.filter(({ target }) => target.isPrivate).map(({ target }) => target.name)
    for (const room of new Set(rooms)) {
      if (!(await readRights(project, session, room)).broadcast.write)
        throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'broadcasts' })
    }
  }

  /** Fails with `malformed_payload` or `payload_too_large`. */
  function readBatch(text: string, most: number): readonly { target: Target; broadcast: Broadcast }[] {
    const { messages } = (parse(text) ?? {}) as { messages?: unknown }
    if (!Array.isArray(messages) || messages.length === 0 || messages.length > most)
      throw realtimeErrors.malformed_payload({ problem: `messages: it is no list of 1 to ${most}` })
    return messages.map((given) => {
      const parsed = message.safeParse(given)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        throw realtimeErrors.malformed_payload({ problem: `${issue?.path.join('.')}: ${issue?.message}` })
      }
      const { topic, event, payload, private: isPrivate } = parsed.data
      const json = jsonText(payload ?? {})
      const limit = limits.payloadBytes
      if (Buffer.byteLength(json) > limit) throw realtimeErrors.payload_too_large({ limit })
      return { target: { name: topic, isPrivate: isPrivate ?? false }, broadcast: { event, body: { json } } }
    })
  }

  return app
}

function requireJson(bytes: Buffer): string {
  const json = bytes.toString('utf8')
  if (parse(json) === undefined) throw realtimeErrors.malformed_payload({ problem: 'the body is not JSON' })
  return json
}

/** Undefined for what is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
