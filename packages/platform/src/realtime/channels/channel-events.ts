import type { Json, JsonObject } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { Broadcast, ClientMessage } from '../protocol/client-message.ts'
import { jsonText } from '../protocol/json-text.ts'
import { prepareReply } from '../protocol/server-message.ts'
import { type Channel, tellChannel } from './channel.ts'
import { openRights, readRights } from './channel-rights.ts'
import type { RealtimeProject } from './realtime-project.ts'
import { isNewKey, openSession, requireUser } from './session.ts'

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
  requireSize(
    'json' in told.body ? Buffer.byteLength(told.body.json) : told.body.bytes.length,
    project.limits.payloadBytes,
  )
  if (!channel.rights.broadcast.write)
    throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'broadcasts' })
  project.broadcasts.send(channel.room, told, channel)
  if (channel.config.broadcast.ack) tellChannel(channel, prepareReply(message, 'ok'))
}

function readBroadcast({ payload }: ClientMessage): Broadcast {
  const { event } = payload
  if (typeof event !== 'string' || event === '')
    throw realtimeErrors.malformed_payload({ problem: 'event: it is missing' })
  return { event, body: { json: jsonText(payload.payload ?? {}) } }
}

function presence(project: RealtimeProject, channel: Channel, message: ClientMessage): void {
  const { event, payload = {} } = message.payload
  const kind = typeof event === 'string' ? event.toLowerCase() : ''
  if (kind !== 'track' && kind !== 'untrack')
    throw realtimeErrors.malformed_payload({ problem: 'event: it is neither track nor untrack' })
  if (!channel.rights.presence.write)
    throw realtimeErrors.channel_unauthorized({ verb: 'send', extension: 'presence' })
  // The reply comes after the difference: then the client's own state shows what it has announced.
  const told = () => tellChannel(channel, prepareReply(message, 'ok'))
  if (kind === 'untrack') {
    project.presence.untrack(channel, told)
    return
  }
  if (!isPlain(payload)) throw realtimeErrors.malformed_payload({ problem: 'payload: it is no object' })
  const meta = payload ?? {}
  requireSize(Buffer.byteLength(jsonText(meta)), project.limits.presenceBytes.announcement)
  // Whoever announces itself also wants to know of the others.
  if (!channel.seesPresence && channel.rights.presence.read) project.presence.tellState(channel)
  project.presence.track(channel, meta, told)
}

const isPlain = (value: Json): value is JsonObject | null =>
  typeof value === 'object' && !Array.isArray(value)

function requireSize(bytes: number, limit: number): void {
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
  if (isNewKey(token)) return
  const session = await openSession(project.keys, token, project.clock)
  requireUser(channel.config.user, session)
  const rights = channel.config.isPrivate ? await readRights(project, session, channel.room.name) : openRights
  if (!rights.broadcast.read && !rights.presence.read)
    throw realtimeErrors.channel_unauthorized({ verb: 'receive', extension: 'messages' })
  await channel.subscription?.change(session)
  await channel.watching?.change(session)
  channel.session = session
  channel.rights = rights
}
