import { z } from 'zod'
import { realtimeErrors } from '../errors.ts'
import type { Broadcast, ClientMessage } from '../protocol/client-message.ts'
import { prepareReply } from '../protocol/server-message.ts'
import { type Channel, tellChannel } from './channel.ts'
import { openRights, readRights } from './channel-rights.ts'
import type { RealtimeProject } from './realtime-project.ts'
import { openSession } from './session.ts'

/** Does what a client asks of a channel that it has joined. Fails with what the client did wrong. */
export function handleChannelEvent(project: RealtimeProject, channel: Channel, message: ClientMessage): void {
  switch (message.event) {
    case 'broadcast':
      broadcast(project, channel, message)
      return
    case 'presence':
      presence(project, channel, message)
      return
    default:
      throw realtimeErrors.unknown_event({ event: message.event.slice(0, 100) })
  }
}

function broadcast(project: RealtimeProject, channel: Channel, message: ClientMessage): void {
  if (message.payload.persist) throw realtimeErrors.feature_not_supported({ feature: 'broadcast persist' })
  const told = message.broadcast ?? readBroadcast(message)
  requireSize(project, 'json' in told.body ? Buffer.byteLength(told.body.json) : told.body.bytes.length)
  if (!channel.rights.broadcast.write)
    throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'broadcasts' })
  project.broadcasts.send(channel.room, told, channel)
  if (channel.config.broadcast.ack) tellChannel(channel, prepareReply(message, 'ok'))
}

function readBroadcast({ payload }: ClientMessage): Broadcast {
  const { event } = payload
  if (typeof event !== 'string' || event === '')
    throw realtimeErrors.malformed_payload({ problem: 'event: it is missing' })
  return { event, body: { json: JSON.stringify(payload.payload ?? {}) } }
}

const presencePayload = z.object({
  event: z
    .string()
    .transform((event) => event.toLowerCase())
    .pipe(z.enum(['track', 'untrack'])),
  payload: z.record(z.string(), z.json()).nullish(),
})

function presence(project: RealtimeProject, channel: Channel, message: ClientMessage): void {
  const parsed = presencePayload.safeParse(message.payload)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw realtimeErrors.malformed_payload({ problem: `${issue?.path.join('.')}: ${issue?.message}` })
  }
  const { event, payload } = parsed.data
  if (!channel.rights.presence.write)
    throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'presence' })
  if (event === 'track') {
    requireSize(project, Buffer.byteLength(JSON.stringify(payload ?? {})))
    // Whoever announces itself also wants to know of the others.
    if (!channel.seesPresence && channel.rights.presence.read) project.presence.tellState(channel)
    project.presence.track(channel, payload ?? {})
  } else {
    project.presence.untrack(channel)
  }
  tellChannel(channel, prepareReply(message, 'ok'))
}

function requireSize(project: RealtimeProject, bytes: number): void {
  const limit = project.limits.payloadBytes
  if (bytes > limit) throw realtimeErrors.payload_too_large({ limit })
}

/** Goes on under another token. Fails when the token is refused or may not even listen here. */
export async function changeToken(
  project: RealtimeProject,
  channel: Channel,
  message: ClientMessage,
): Promise<void> {
  const token = message.payload.access_token
  if (token === null || token === undefined) return
  if (typeof token !== 'string')
    throw realtimeErrors.malformed_payload({ problem: 'access_token: it is no text' })
  const session = await openSession(project.keys, token, project.clock)
  const rights = channel.config.isPrivate ? await readRights(project, session, channel.room.name) : openRights
  if (!rights.broadcast.read && !rights.presence.read)
    throw realtimeErrors.channel_unauthorized({ verb: 'receive', extension: 'messages' })
  await channel.subscription?.change(session)
  await channel.watching?.change(session)
  channel.session = session
  channel.rights = rights
}
