import type { Channel } from '../channels/channel.ts'
import { type Rooms, roomKey, tellRoom } from '../channels/rooms.ts'
import type { NodeLink, RelayedBroadcast } from '../nodes/node-link.ts'
import type { Broadcast } from '../protocol/client-message.ts'
import { prepareBroadcast } from '../protocol/server-message.ts'

/** Hands what one tells to everyone on a channel. */
export interface BroadcastHub {
  /** From a client or from rest: to all nodes. The sender hears itself only when it asked for it. */
  send(
    channel: { readonly name: string; readonly isPrivate: boolean },
    broadcast: Broadcast,
    from?: Channel,
  ): void
  /** From the stream, which every node reads: to the clients of this one. */
  deliver(room: string, broadcast: Broadcast): void
  fromNode(message: RelayedBroadcast): void
}

export function createBroadcastHub(rooms: Rooms, link: NodeLink): BroadcastHub {
  function deliver(key: string, broadcast: Broadcast, except?: Channel): void {
    const room = rooms.find(key)
    if (room) tellRoom(room, 'broadcast', prepareBroadcast(room.topic, broadcast), except)
  }

  return {
    send: ({ name, isPrivate }, broadcast, from) => {
      const room = roomKey(name, isPrivate)
      deliver(room, broadcast, from?.config.broadcast.self ? undefined : from)
      link.broadcast({ room, event: broadcast.event, ...relayedBody(broadcast.body) })
    },
    deliver: (room, broadcast) => deliver(room, broadcast),
    fromNode: ({ room, event, json, bytes }) => {
      const body = bytes === undefined ? { json: json ?? '{}' } : { bytes: Buffer.from(bytes, 'base64') }
      deliver(room, { event, body })
    },
  }
}

const relayedBody = (body: Broadcast['body']) =>
  'json' in body ? { json: body.json } : { bytes: body.bytes.toString('base64') }
