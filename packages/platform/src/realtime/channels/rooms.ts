import type { Connection } from '../connections/connection.ts'
import { createPresenceTable, type PresenceTable } from '../presence/presence-state.ts'
import type { ServerMessage } from '../protocol/server-message.ts'
import type { ChannelRights } from './channel-rights.ts'

/** A channel as its room sees it. */
export interface RoomMember {
  readonly connection: Connection
  rights: ChannelRights
  /** True when it is told of others' presence. */
  seesPresence: boolean
  isOpen: boolean
}

/** Everyone on one topic. Private and public channels of the same name are different rooms. */
export interface Room {
  readonly key: string
  /** As clients write it: `realtime:orders`. */
  readonly topic: string
  /** As SQL and rest write it: `orders`. */
  readonly name: string
  readonly isPrivate: boolean
  readonly members: Set<RoomMember>
  readonly presence: PresenceTable
}

/** What a message is about, which decides who of a private room may read it. */
export type Extension = 'broadcast' | 'presence'

export const topicPrefix = 'realtime:'

export const roomKey = (name: string, isPrivate: boolean): string =>
  `${isPrivate ? 'private' : 'public'}:${name}`

export interface Rooms {
  find(key: string): Room | undefined
  /** The room, made when nobody is in it yet. */
  obtain(name: string, isPrivate: boolean): Room
  /** Forgets a room in which nobody is, here or elsewhere. */
  release(room: Room): void
  all(): Iterable<Room>
}

export function createRooms(): Rooms {
  const rooms = new Map<string, Room>()
  return {
    find: (key) => rooms.get(key),
    obtain: (name, isPrivate) => {
      const key = roomKey(name, isPrivate)
      const known = rooms.get(key)
      if (known) return known
      const room: Room = {
        key,
        name,
        topic: `${topicPrefix}${name}`,
        isPrivate,
        members: new Set(),
        presence: createPresenceTable(),
      }
      rooms.set(key, room)
      return room
    },
    release: (room) => {
      if (room.members.size === 0 && room.presence.isEmpty()) rooms.delete(room.key)
    },
    all: () => rooms.values(),
  }
}

/** Sends to everyone in a room who may read it, except one. */
export function tellRoom(
  room: Room,
  extension: Extension,
  message: ServerMessage,
  except?: RoomMember,
): void {
  for (const member of room.members) {
    if (member === except || !member.isOpen || !member.rights[extension].read) continue
    if (extension === 'presence' && !member.seesPresence) continue
    member.connection.send(message)
  }
}
