import { newId } from '../../kernel/index.ts'
import { replayMessages } from '../broadcast/replay-messages.ts'
import type { Listener } from '../changes/audience.ts'
import type { Connection } from '../connections/connection.ts'
import { realtimeErrors, reasonOf } from '../errors.ts'
import type { Holder } from '../limits/quota.ts'
import type { ClientMessage } from '../protocol/client-message.ts'
import { prepareReply } from '../protocol/server-message.ts'
import { type Channel, payerOfSession, tellChannel, tellSystem } from './channel.ts'
import { type ChannelRights, openRights, readRights } from './channel-rights.ts'
import { type JoinConfig, readJoinConfig } from './join-config.ts'
import type { RealtimeProject } from './realtime-project.ts'
import { topicPrefix } from './rooms.ts'
import { openSession, requireUser, type Session } from './session.ts'

export interface JoinEvents {
  /** The channel is there and answers. */
  opened(channel: Channel): void
  ended(channel: Channel, event: 'phx_close' | 'phx_error', reason?: string): void
}

/**
 * Joins a connection to a topic: token, rights and listeners are checked, and the reply comes when everything is
 * armed, so nothing that happens after it is missed. Fails with what the client did wrong.
 */
export async function joinChannel(
  project: RealtimeProject,
  connection: Connection,
  message: ClientMessage,
  events: JoinEvents,
): Promise<void> {
  const config = readJoinConfig(message.payload, project.limits.bindingsPerChannel)
  if (!config.isPrivate && !project.publicChannels) throw realtimeErrors.public_channels_closed()
  if (config.broadcast.replay && !config.isPrivate)
    throw realtimeErrors.malformed_join({ problem: 'only private channels replay.' })
  const session = await openSession(project.keys, config.accessToken || connection.apiKey, project.clock)
  requireUser(config.user, session)
  const holders = takePlace(project, connection, session)
  const channel = await openChannel(project, connection, message, { config, session, holders }, events).catch(
    (error: unknown) => {
      project.usage.channels.give(1, holders)
      throw error
    },
  )
  if (!channel) return project.usage.channels.give(1, holders)
  events.opened(channel)
  answer(channel, message)
  if (config.presence.enabled && channel.rights.presence.read) project.presence.tellState(channel)
  tellBindings(channel)
  if (config.broadcast.replicationReady) tellWhenReady(project, channel)
  channel.watching?.begin()
  if (config.broadcast.replay) await replayMessages(project, channel, config.broadcast.replay)
}

/** Counts the channel before it is opened, so that many joins at once cannot pass the limit together. */
function takePlace(project: RealtimeProject, connection: Connection, session: Session): readonly Holder[] {
  const { channels: limits } = project.limits
  const { address, user } = payerOfSession(session, connection.address)
  const holders: Holder[] = [
    { kind: 'connection', key: `connection ${connection.id}`, limit: limits.connection },
  ]
  if (user !== null) holders.push({ kind: 'user', key: `user ${user}`, limit: limits.user })
  if (address !== null)
    holders.push({ kind: 'client address', key: `address ${address}`, limit: limits.address })
  const full = project.usage.channels.take(1, holders)
  if (full) throw realtimeErrors.too_many_channels({ holder: full.kind, limit: full.limit })
  return holders
}

interface Opening {
  readonly config: JoinConfig
  readonly session: Session
  readonly holders: readonly Holder[]
}

/** A member of its room with everything armed; undefined when the connection ended meanwhile. */
async function openChannel(
  project: RealtimeProject,
  connection: Connection,
  message: ClientMessage,
  { config, session, holders }: Opening,
  events: JoinEvents,
): Promise<Channel | undefined> {
  const name = message.topic.slice(topicPrefix.length)
  const rights = await rightsOf(project, session, name, config)
  if (config.bindings.length > 0 || config.watch) await project.armed()
  if (!connection.isOpen) return undefined
  const channel: Channel = {
    connection,
    room: project.rooms.obtain(name, config.isPrivate),
    joinRef: message.joinRef ?? message.ref,
    config,
    presenceKey: config.presence.key ?? newId(),
    session,
    holders,
    rights,
    subscription: null,
    watching: null,
    announced: null,
    seesPresence: false,
    isOpen: true,
  }
  try {
    await listen(project, channel, events)
  } catch (error) {
    project.rooms.release(channel.room)
    throw error
  }
  if (!connection.isOpen) {
    channel.subscription?.end()
    channel.watching?.end()
    project.rooms.release(channel.room)
    return undefined
  }
  // While tables were looked up, the last of the others may have left and the room been forgotten.
  channel.room = project.rooms.obtain(name, config.isPrivate)
  channel.room.members.add(channel)
  return channel
}

/** What the session may do here. Fails with `channel_unauthorized` when it may not even listen. */
async function rightsOf(
  project: RealtimeProject,
  session: Session,
  name: string,
  config: JoinConfig,
): Promise<ChannelRights> {
  if (!config.isPrivate) return openRights
  const rights = await readRights(project, session, name)
  if (!rights.broadcast.read && !rights.presence.read)
    throw realtimeErrors.channel_unauthorized({ verb: 'receive', extension: 'messages' })
  return rights
}

async function listen(project: RealtimeProject, channel: Channel, events: JoinEvents): Promise<void> {
  const { config, session, room } = channel
  const { address } = channel.connection
  const listener: Listener = {
    send: (message) => tellChannel(channel, message),
    drained: channel.connection.drained,
    subscriptionEnded: (error) => {
      const { reason } = reasonOf(error)
      tellSystem(channel, 'error', 'postgres_changes', reason)
      if (config.watch) events.ended(channel, 'phx_close', reason)
    },
    bindingRefused: (error) => tellSystem(channel, 'error', 'postgres_changes', reasonOf(error).reason),
    subscriptionBroken: () => events.ended(channel, 'phx_error', 'commits were missed: start over'),
  }
  if (config.bindings.length > 0) {
    const request = { session, topic: room.topic, bindings: config.bindings, address, listener }
    channel.subscription = await project.changes.subscribe(request)
  }
  if (config.watch) {
    const request = {
      session,
      topic: room.topic,
      watch: config.watch,
      resume: config.resume,
      address,
      listener,
    }
    channel.watching = await project.changes.watch(request)
  }
}

/** Says which of the channel's listeners for changes are armed, and which are not and why. */
function tellBindings(channel: Channel): void {
  const bindings = channel.subscription?.bindings ?? []
  for (const { problem } of bindings) {
    if (problem) tellSystem(channel, 'error', 'postgres_changes', reasonOf(problem).reason)
  }
  if (bindings.some(({ problem }) => !problem))
    tellSystem(channel, 'ok', 'postgres_changes', 'Subscribed to PostgreSQL')
}

/** Says when messages that commit from now on reach the channel. */
function tellWhenReady(project: RealtimeProject, channel: Channel): void {
  project.armed().then(
    () => tellSystem(channel, 'ok', 'system', 'Replication connection established'),
    () => tellSystem(channel, 'error', 'system', 'The replication connection is not ready'),
  )
}

function answer(channel: Channel, message: ClientMessage): void {
  const { subscription, watching } = channel
  const response = {
    postgres_changes: (subscription?.bindings ?? []).map(({ echo }) => echo),
    ...(watching ? { plinth: { resumed: watching.resumed } } : {}),
  }
  tellChannel(channel, prepareReply({ ...message, joinRef: channel.joinRef }, 'ok', response))
}
