import { AppError, messageOf } from '../../kernel/index.ts'
import type { Connection, ConnectionHandler } from '../connections/connection.ts'
import { realtimeErrors, reasonOf } from '../errors.ts'
import { createBucket } from '../limits.ts'
import type { ClientMessage } from '../protocol/client-message.ts'
import { prepareReply } from '../protocol/server-message.ts'
import { type Channel, endMessage, tellChannel, tellSystem } from './channel.ts'
import { changeToken, handleChannelEvent } from './channel-events.ts'
import { joinChannel } from './join-channel.ts'
import type { RealtimeProject } from './realtime-project.ts'
import { topicPrefix } from './rooms.ts'

/** The channels of one connection. */
export interface ConnectionChannels extends ConnectionHandler {
  /** Closes channels whose token has ended. */
  expire(now: number): void
}

/** Work that may wait for one topic; more means that the client does not wait for answers. */
const mostWaiting = 50
const longestTopic = 255

/** Answers the frames of one connection: channel by channel in order, channels independently of each other. */
export function serveConnection(project: RealtimeProject, connection: Connection): ConnectionChannels {
  const { limits } = project
  const channels = new Map<string, Channel>()
  const waiting = new Map<string, { last: Promise<void>; count: number }>()
  /** Joins that are being answered; they count as channels, or many at once would pass the limit. */
  let joining = 0
  const joins = createBucket(limits.joinsPerSecond.connection, limits.joinsPerSecond.connection * 10)
  const events = createBucket(limits.eventsPerSecond.connection, limits.eventsPerSecond.connection * 2)

  function handle(message: ClientMessage): void | Promise<void> {
    const { topic, event } = message
    if (topic === 'phoenix') return heartbeat(message)
    if (event === 'phx_join') return join(message)
    const channel = channels.get(topic)
    if (!channel) throw realtimeErrors.unmatched_topic({ topic: topic.slice(0, 100) })
    // A frame of an earlier join of the same topic speaks for a channel that is gone.
    if (message.joinRef !== null && channel.joinRef !== null && message.joinRef !== channel.joinRef) return
    if (event === 'phx_leave') return leave(channel, message)
    if (event === 'access_token') return changeToken(project, channel, message).catch(endFor(channel))
    if (event === 'broadcast' || event === 'presence') {
      if (!events.take() || !project.events.take()) throw realtimeErrors.too_many_events()
    }
    return handleChannelEvent(project, channel, message)
  }

  /** Without a token that holds, a channel has nobody to speak for; what only failed for now is joined again. */
  const endFor = (channel: Channel) => (error: unknown) => {
    const isRefused = error instanceof AppError && error.status < 500
    const { reason } = isRefused ? reasonOf(error) : { reason: 'the access token could not be checked' }
    tellSystem(channel, 'error', 'system', reason)
    end(channel, isRefused ? 'phx_close' : 'phx_error', reason)
    throw error
  }

  function heartbeat(message: ClientMessage): void {
    if (message.event !== 'heartbeat')
      throw realtimeErrors.unknown_event({ event: message.event.slice(0, 100) })
    connection.send(prepareReply(message, 'ok'))
  }

  async function join(message: ClientMessage): Promise<void> {
    const { topic } = message
    if (!joins.take() || !project.joins.take()) throw realtimeErrors.too_many_joins()
    if (
      !topic.startsWith(topicPrefix) ||
      topic.length === topicPrefix.length ||
      Buffer.byteLength(topic) > longestTopic
    )
      throw realtimeErrors.unmatched_topic({ topic: topic.slice(0, 100) })
    const before = channels.get(topic)
    if (before) end(before, 'phx_close')
    if (channels.size + joining >= limits.channelsPerConnection)
      throw realtimeErrors.too_many_channels({ limit: limits.channelsPerConnection })
    joining += 1
    try {
      await joinChannel(project, connection, message, {
        opened: (channel) => channels.set(topic, channel),
        ended: (channel, event, reason) => end(channel, event, reason),
      })
    } finally {
      joining -= 1
    }
  }

  function leave(channel: Channel, message: ClientMessage): void {
    tellChannel(channel, prepareReply(message, 'ok'))
    end(channel, 'phx_close')
  }

  function end(channel: Channel, event: 'phx_close' | 'phx_error', reason = ''): void {
    if (!channel.isOpen) return
    tellChannel(channel, endMessage(channel, event, reason))
    forget(channel)
  }

  function forget(channel: Channel): void {
    channel.isOpen = false
    if (channels.get(channel.room.topic) === channel) channels.delete(channel.room.topic)
    channel.subscription?.end()
    channel.watching?.end()
    channel.room.members.delete(channel)
    project.presence.untrack(channel)
    project.rooms.release(channel.room)
  }

  function refuse(message: ClientMessage, error: unknown): void {
    if (!(error instanceof AppError))
      project.log.error({ topic: message.topic, problem: messageOf(error) }, 'a channel event failed')
    const response =
      error instanceof AppError ? reasonOf(error) : { reason: 'internal: it failed inside the server' }
    connection.send(prepareReply(message, 'error', response))
  }

  /** At once when nothing of the topic is pending, else after it. */
  function inOrder(message: ClientMessage): void {
    const before = waiting.get(message.topic)
    try {
      if (before && before.count >= mostWaiting) throw realtimeErrors.too_many_events()
      const work = before ? before.last.then(() => connection.isOpen && handle(message)) : handle(message)
      if (!(work instanceof Promise)) return
      const entry = { last: Promise.resolve(), count: (before?.count ?? 0) + 1 }
      entry.last = work
        .catch((error: unknown) => refuse(message, error))
        .then(() => {
          if (waiting.get(message.topic) === entry) waiting.delete(message.topic)
        })
      waiting.set(message.topic, entry)
    } catch (error) {
      refuse(message, error)
    }
  }

  return {
    message: inOrder,
    closed: () => {
      for (const channel of [...channels.values()]) forget(channel)
    },
    expire: (now) => {
      for (const channel of [...channels.values()]) {
        const { expiresAt } = channel.session
        if (expiresAt === null || expiresAt > now) continue
        tellSystem(channel, 'error', 'system', 'The access token has expired; the channel is closed.')
        end(channel, 'phx_close', 'the access token has expired')
      }
    },
  }
}
