import { type JsonObject, newId } from '../../kernel/index.ts'
import { type Announced, type Channel, payerOf, tellChannel } from '../channels/channel.ts'
import { type Room, type Rooms, tellRoom } from '../channels/rooms.ts'
import { realtimeErrors } from '../errors.ts'
import type { Holder, Quota } from '../limits/quota.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import type { NodeLink, RelayedPresence } from '../nodes/node-link.ts'
import { prepareMessage, type ServerMessage } from '../protocol/server-message.ts'
import { bytesOf, type Presence } from './presence-state.ts'

/** Who is present in which room: announcements of this node's clients, and those of other nodes. */
export interface PresenceHub {
  /**
   * Announces a channel's client, or changes what it has announced; calls `told` when everyone was told, the client
   * included. Fails with `too_much_presence`.
   */
  track(channel: Channel, meta: JsonObject, told: () => void): void
  untrack(channel: Channel, told?: () => void): void
  /** Sends the whole state, from which the client applies what follows. */
  tellState(channel: Channel): void
  fromNode(node: string, change: RelayedPresence): void
  allOfNode(node: string, rooms: ReadonlyMap<string, readonly Presence[]>): void
  forgetNode(node: string): void
  own(): ReadonlyMap<string, readonly Presence[]>
  stop(): void
}

export interface PresenceHubOptions {
  readonly rooms: Rooms
  readonly link: NodeLink
  readonly quota: Quota
  readonly limits: RealtimeLimits['presenceBytes']
}

/** What comes and goes within this time is told together: a hundred arrivals are one message each, not a hundred. */
const gatherMilliseconds = 20

export function createPresenceHub({ rooms, link, quota, limits }: PresenceHubOptions): PresenceHub {
  /** Rooms with news, and whom to call when they are told. */
  const changed = new Map<Room, (() => void)[]>()
  const states = new WeakMap<Room, ServerMessage>()
  let timer: NodeJS.Timeout | undefined

  function tellLater(room: Room, told?: () => void): void {
    states.delete(room)
    const waiting = changed.get(room) ?? []
    if (told) waiting.push(told)
    changed.set(room, waiting)
    timer ??= setTimeout(tellAll, gatherMilliseconds)
  }

  function tellAll(): void {
    timer = undefined
    const rest = [...changed]
    changed.clear()
    for (const [room, waiting] of rest) {
      tellDiff(room)
      for (const told of waiting) told()
      rooms.release(room)
    }
  }

  function tellDiff(room: Room): void {
    const diff = room.presence.takeDiff()
    if (!diff) return
    const payload = JSON.stringify(diff)
    tellRoom(room, 'presence', prepareMessage({ topic: room.topic, event: 'presence_diff', payload }))
  }

  /** Built once for all who join until something changes. */
  function stateOf(room: Room): ServerMessage {
    const known = states.get(room)
    if (known) return known
    const payload = JSON.stringify(room.presence.state())
    const message = prepareMessage({ topic: room.topic, event: 'presence_state', payload })
    states.set(room, message)
    return message
  }

  function roomOf(key: string): Room {
    const at = key.indexOf(':')
    return rooms.obtain(key.slice(at + 1), key.slice(0, at) === 'private')
  }

  /** Counts the announcement for all who are bounded in it. Fails with `too_much_presence`, and then counts nothing. */
  function requireSpace(channel: Channel, bytes: number, before: Announced | null): readonly Holder[] {
    const { room } = channel
    const holders = holdersOf(channel, limits)
    if (before) quota.give(before.bytes, before.holders)
    const isRoomFull = room.presence.bytes() - (before?.bytes ?? 0) + bytes > limits.room
    const full = isRoomFull ? { kind: 'room', limit: limits.room } : quota.take(bytes, holders)
    if (!full) return holders
    if (before) quota.take(before.bytes, before.holders)
    throw realtimeErrors.too_much_presence({ holder: full.kind, limit: full.limit })
  }

  return {
    track: (channel, meta, told) => {
      const { room, announced: before } = channel
      const ref = newId()
      const presence: Presence = {
        ref,
        key: channel.presenceKey,
        meta,
        ...(before ? { previousRef: before.ref } : {}),
      }
      const bytes = bytesOf(presence)
      const holders = requireSpace(channel, bytes, before)
      if (before) room.presence.remove(link.node, before.ref)
      room.presence.put(link.node, presence)
      channel.announced = { ref, bytes, holders }
      tellLater(room, told)
      link.presence({ room: room.key, joined: [presence], left: before ? [before.ref] : [] })
    },
    untrack: (channel, told) => {
      const { room, announced } = channel
      if (!announced) return told?.()
      quota.give(announced.bytes, announced.holders)
      room.presence.remove(link.node, announced.ref)
      channel.announced = null
      tellLater(room, told)
      link.presence({ room: room.key, joined: [], left: [announced.ref] })
    },
    tellState: (channel) => {
      // What is not told yet would otherwise come twice: in the state and as a difference.
      tellDiff(channel.room)
      channel.seesPresence = true
      tellChannel(channel, stateOf(channel.room))
    },
    fromNode: (node, { room: key, joined, left }) => {
      const room = roomOf(key)
      for (const ref of left) room.presence.remove(node, ref)
      for (const presence of joined) room.presence.put(node, presence)
      tellLater(room)
    },
    allOfNode: (node, present) => {
      for (const key of present.keys()) roomOf(key)
      for (const room of rooms.all()) {
        room.presence.replace(node, present.get(room.key) ?? [])
        tellLater(room)
      }
    },
    forgetNode: (node) => {
      for (const room of rooms.all()) {
        room.presence.replace(node, [])
        tellLater(room)
      }
    },
    own: () =>
      new Map(
        [...rooms.all()]
          .map((room) => [room.key, room.presence.of(link.node)] as const)
          .filter(([, of]) => of.length > 0),
      ),
    stop: () => clearTimeout(timer),
  }
}

function holdersOf(channel: Channel, limits: RealtimeLimits['presenceBytes']): readonly Holder[] {
  const { address, user } = payerOf(channel)
  const { id } = channel.connection
  const holders: Holder[] = [{ kind: 'connection', key: `connection ${id}`, limit: limits.connection }]
  if (user !== null) holders.push({ kind: 'user', key: `user ${user}`, limit: limits.user })
  if (address !== null) {
    const room = `address ${address} in ${channel.room.key}`
    holders.push({ kind: 'client address', key: `address ${address}`, limit: limits.address })
    holders.push({ kind: 'client address in this room', key: room, limit: limits.addressInRoom })
  }
  return holders
}
