import { AppError, messageOf } from '../../kernel/index.ts'
import type { Connection, ConnectionHandler } from '../connections/connection.ts'
import { realtimeErrors, reasonOf } from '../errors.ts'
import { createConnectionRates } from '../limits/project-limits.ts'
import type { ClientMessage } from '../protocol/client-message.ts'
import { prepareReply } from '../protocol/server-message.ts'
import { type Channel, endMessage, payerOf, tellChannel, tellSystem } from './channel.ts'
import { changeToken, handleChannelEvent } from './channel-events.ts'
import { joinChannel } from './join-channel.ts'
import type { RealtimeProject } from './realtime-project.ts'
import { topicPrefix } from './rooms.ts'
import { createTopicQueue } from './topic-queue.ts'

/** The channels of one connection. */
export interface ConnectionChannels extends ConnectionHandler {
  /** Closes channels whose token has ended. */
  expire(now: number): void
}

const longestTopic = 255

/** Answers the frames of one connection: channel by channel in order, channels independently of each other. */
export function serveConnection(project: RealtimeProject, connection: Connection): ConnectionChannels {
  const channels = new Map<string, Channel>()
  const inOrder = createTopicQueue()
  const rates = createConnectionRates(project.limits)
  const payer = { address: connection.address, user: null }

  function handle(message: ClientMessage): void | Promise<void> {
    const { topic, event } = message
    if (topic === 'phoenix') return heartbeat(message)
    if (event === 'phx_join') return join(message)
    const channel = channelOf(message)
    if (event === 'phx_leave') return leave(channel, message)
    if (!channel) throw realtimeErrors.unmatched_topic({ topic: topic.slice(0, 100) })
    if (event === 'access_token') return changeToken(project, channel, message).catch(endFor(channel))
    if (event === 'broadcast' || event === 'presence') {
      if (!rates.events.take() || !project.usage.takeEvent(payerOf(channel)))
        throw realtimeErrors.too_many_events()
    }
    return handleChannelEvent(project, channel, message)
  }

  /** The channel that a frame is for; undefined for one of an earlier join of the same topic, whose channel is gone. */
  function channelOf({ topic, joinRef }: ClientMessage): Channel | undefined {
    const channel = channels.get(topic)
    if (!channel || joinRef === null || channel.joinRef === null) return channel
    return joinRef === channel.joinRef ? channel : undefined
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
    if (!rates.joins.take() || !project.usage.takeJoin(payer)) throw realtimeErrors.too_many_joins()
    if (
      !topic.startsWith(topicPrefix) ||
      topic.length === topicPrefix.length ||
      Buffer.byteLength(topic) > longestTopic
    )
      throw realtimeErrors.unmatched_topic({ topic: topic.slice(0, 100) })
    const before = channels.get(topic)
    if (before) end(before, 'phx_close')
    await joinChannel(project, connection, message, {
      opened: (channel) => channels.set(topic, channel),
      ended: (channel, event, reason) => end(channel, event, reason),
    })
  }

  /** Leaving what was never joined, or has ended already, succeeds, as in Phoenix. */
  function leave(channel: Channel | undefined, message: ClientMessage): void {
    connection.send(prepareReply(message, 'ok'))
    if (channel) end(channel, 'phx_close')
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
    project.usage.channels.give(1, channel.holders)
  }

  function refuse(message: ClientMessage, error: unknown): void {
    if (!(error instanceof AppError))
      project.log.error({ topic: message.topic, problem: messageOf(error) }, 'a channel event failed')
    const response =
      error instanceof AppError ? reasonOf(error) : { reason: 'internal: it failed inside the server' }
    connection.send(prepareReply(message, 'error', response))
  }

  return {
    message: (message) => {
      inOrder(
        message.topic,
        () => (connection.isOpen ? handle(message) : undefined),
        (error) => refuse(message, error),
      )
    },
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
