import type { Subscription, Watching } from '../changes/subscriptions.ts'
import type { Payer } from '../limits/project-limits.ts'
import type { Holder } from '../limits/quota.ts'
import { prepareMessage, type ServerMessage } from '../protocol/server-message.ts'
import type { JoinConfig } from './join-config.ts'
import type { Room, RoomMember } from './rooms.ts'
import type { Session } from './session.ts'

/** One topic on one connection, from its join to its end. */
export interface Channel extends RoomMember {
  room: Room
  readonly joinRef: string | null
  readonly config: JoinConfig
  /** What the client calls itself in presence. */
  readonly presenceKey: string
  session: Session
  /** Whose channel it is counted as. */
  readonly holders: readonly Holder[]
  subscription: Subscription | null
  watching: Watching | null
  /** Its present announcement; null when it has not announced itself. */
  announced: Announced | null
}

export interface Announced {
  readonly ref: string
  readonly bytes: number
  /** Whose presence the bytes are counted as. */
  readonly holders: readonly Holder[]
}

/** Whom the channel's work is counted for. */
export const payerOf = ({ connection, session }: Channel): Payer =>
  payerOfSession(session, connection.address)

/** The service role is trusted: it has only the limits of connection, room and project. */
export const payerOfSession = (session: Session, address: string | null): Payer =>
  session.caller.role === 'service_role' ? { address: null, user: null } : { address, user: session.user }

/** Sends to a channel unless it has ended. */
export function tellChannel(channel: Channel, message: ServerMessage): void {
  if (channel.isOpen) channel.connection.send(message)
}

/** A `system` message: what has become of the channel, or of a part of it. */
export function tellSystem(
  channel: Channel,
  status: 'ok' | 'error',
  extension: 'system' | 'postgres_changes',
  message: string,
): void {
  const payload = JSON.stringify({ status, message, extension, channel: channel.room.name })
  tellChannel(channel, prepareMessage({ topic: channel.room.topic, event: 'system', payload }))
}

/** The end of a channel as the client sees it: closed for good, or failed so that the client joins again. */
export function endMessage(channel: Channel, event: 'phx_close' | 'phx_error', reason = ''): ServerMessage {
  const { topic } = channel.room
  const payload = JSON.stringify(reason ? { reason } : {})
  return prepareMessage({ topic, event, payload, joinRef: channel.joinRef, ref: channel.joinRef })
}
