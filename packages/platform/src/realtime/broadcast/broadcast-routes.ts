import { Hono } from 'hono'
import { z } from 'zod'
import type { SurfaceEnv } from '../../http/index.ts'
import { readRights } from '../channels/channel-rights.ts'
import type { RealtimeProject } from '../channels/realtime-project.ts'
import { sessionOf } from '../channels/session.ts'
import { realtimeErrors } from '../errors.ts'
import type { Broadcast } from '../protocol/client-message.ts'

/** A frame with bytes has one byte for the length of each name, and the topic has a prefix there. */
const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 240, 'it has more than 240 bytes')

const batch = z.object({
  messages: z
    .array(
      z.object({
        topic: name,
        event: name,
        payload: z.json().optional(),
        private: z.boolean().nullish(),
      }),
    )
    .min(1)
    .max(100),
})

const accepted = 202

/** Broadcasts by HTTP: what supabase-js sends with `httpSend()`, and with `send()` before it has joined. */
export function createBroadcastRoutes(project: RealtimeProject): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>()

  app.post('/api/broadcast', async (c) => {
    const parsed = batch.safeParse(await c.req.json().catch(() => undefined))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw realtimeErrors.malformed_payload({ problem: `${issue?.path.join('.')}: ${issue?.message}` })
    }
    const messages = parsed.data.messages.map((message) => ({
      channel: { name: message.topic, isPrivate: message.private ?? false },
      broadcast: { event: message.event, body: { json: JSON.stringify(message.payload ?? {}) } },
    }))
    await send(c.var.caller.claims, messages)
    return c.body(null, accepted)
  })

  app.post('/api/broadcast/:topic/events/:event', async (c) => {
    if (c.req.query('persist') || c.req.query('persist[ttl]'))
      throw realtimeErrors.feature_not_supported({ feature: 'broadcast persist' })
    const { topic, event } = c.req.param()
    for (const given of [topic, event]) {
      if (!name.safeParse(given).success)
        throw realtimeErrors.malformed_payload({ problem: 'topic and event have 1 to 240 bytes' })
    }
    const bytes = Buffer.from(await c.req.arrayBuffer())
    const isJson = !c.req.header('content-type')?.startsWith('application/octet-stream')
    const channel = { name: topic, isPrivate: c.req.query('private') === 'true' }
    await send(c.var.caller.claims, [{ channel, broadcast: { event, body: bodyOf(bytes, isJson) } }])
    return c.body(null, accepted)
  })

  async function send(
    claims: SurfaceEnv['Variables']['caller']['claims'],
    messages: readonly {
      readonly channel: { readonly name: string; readonly isPrivate: boolean }
      readonly broadcast: Broadcast
    }[],
  ): Promise<void> {
    const limit = project.limits.payloadBytes
    const session = sessionOf(claims)
    for (const { channel, broadcast } of messages) {
      const { body } = broadcast
      const size = 'json' in body ? Buffer.byteLength(body.json) : body.bytes.length
      if (size > limit) throw realtimeErrors.payload_too_large({ limit })
      if (!channel.isPrivate && !project.publicChannels) throw realtimeErrors.public_channels_closed()
      if (!project.events.take()) throw realtimeErrors.too_many_events()
      if (channel.isPrivate && !(await readRights(project, session, channel.name)).broadcast.write)
        throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'broadcasts' })
    }
    for (const { channel, broadcast } of messages) project.broadcasts.send(channel, broadcast)
  }

  return app
}

function bodyOf(bytes: Buffer, isJson: boolean): Broadcast['body'] {
  if (!isJson) return { bytes }
  const json = bytes.toString('utf8')
  try {
    JSON.parse(json)
  } catch (cause) {
    throw realtimeErrors.malformed_payload({ problem: 'the body is not JSON' }, cause)
  }
  return { json }
}
