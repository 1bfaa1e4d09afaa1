import { type JsonObject, newId } from '../../kernel/index.ts'
import type { Channel } from '../channels/channel.ts'
import { tellChannel } from '../channels/channel.ts'
import { type Room, type Rooms, tellRoom } from '../channels/rooms.ts'
import type { NodeLink, RelayedPresence } from '../nodes/node-link.ts'
import { prepareMessage } from '../protocol/server-message.ts'
import type { Presence } from './presence-state.ts'

/** Who is present in which room: announcements of this node's clients, and those of other nodes. */
export interface PresenceDesk {
  /** Announces a channel's client, or changes what it has announced. */
  track(channel: Channel, meta: JsonObject): void
  untrack(channel: Channel): void
  /** Sends the whole state, from which the client applies what follows. */
  tellState(channel: Channel): void
  fromNode(node: string, change: RelayedPresence): void
  allOfNode(node: string, rooms: ReadonlyMap<string, readonly Presence[]>): void
  forgetNode(node: string): void
  own(): ReadonlyMap<string, readonly Presence[]>
  stop(): void
}

/** What comes and goes within this time is told together: a hundred arrivals are one message each, not a hundred. */
const gatherMilliseconds = 20

export function createPresenceDesk(rooms: Rooms, link: NodeLink): PresenceDesk {
  const changed = new Set<Room>()
  let timer: NodeJS.Timeout | undefined

  function tellLater(room: Room): void {
    changed.add(room)
    timer ??= setTimeout(tellAll, gatherMilliseconds)
  }

  function tellAll(): void {
    timer = undefined
    const told = [...changed]
    changed.clear()
    for (const room of told) {
      tellDiff(room)
      rooms.release(room)
    }
  }

  function tellDiff(room: Room): void {
    const diff = room.presence.takeDiff()
    if (!diff) return
    const payload = JSON.stringify(diff)
    tellRoom(room, 'presence', prepareMessage({ topic: room.topic, event: 'presence_diff', payload }))
  }

  function roomOf(key: string): Room {
    const at = key.indexOf(':')
    return rooms.obtain(key.slice(at + 1), key.slice(0, at) === 'private')
  }

  function leave(channel: Channel): string[] {
    const { room, presenceRef } = channel
    if (presenceRef === null) return []
    room.presence.remove(link.node, presenceRef)
    channel.presenceRef = null
    tellLater(room)
    return [presenceRef]
  }

  return {
    track: (channel, meta) => {
      const { room } = channel
      const left = leave(channel)
      const ref = newId()
      const presence: Presence = {
        ref,
        key: channel.presenceKey,
        meta,
        ...(left[0] === undefined ? {} : { previousRef: left[0] }),
      }
      room.presence.put(link.node, presence)
      channel.presenceRef = ref
      tellLater(room)
      link.presence({ room: room.key, joined: [presence], left })
    },
    untrack: (channel) => {
      const left = leave(channel)
      if (left.length > 0) link.presence({ room: channel.room.key, joined: [], left })
    },
    tellState: (channel) => {
      // What is not told yet would otherwise come twice: in the state and as news.
      tellDiff(channel.room)
      const { topic, presence } = channel.room
      const payload = JSON.stringify(presence.state())
      channel.seesPresence = true
      tellChannel(channel, prepareMessage({ topic, event: 'presence_state', payload }))
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
