import type { Presence } from '../presence/presence-state.ts'

/** A broadcast on its way to other nodes. */
export interface RelayedBroadcast {
  /** Key of the room. */
  readonly room: string
  readonly event: string
  /** JSON text, or base64 of bytes. */
  readonly json?: string
  readonly bytes?: string
}

/** What happened to the presence of a node's own clients in one room. */
export interface RelayedPresence {
  readonly room: string
  readonly joined: readonly Presence[]
  readonly left: readonly string[]
}

/** What reaches this node from others. */
export interface NodeEvents {
  broadcast(message: RelayedBroadcast): void
  presence(node: string, change: RelayedPresence): void
  /** All that a node's clients have announced; replaces what it said before. */
  presenceOf(node: string, rooms: ReadonlyMap<string, readonly Presence[]>): void
  /** A node has not been heard of for too long. */
  nodeGone(node: string): void
  /** Asked whenever another node needs to know all of this one. */
  ownPresence(): ReadonlyMap<string, readonly Presence[]>
}

/** How the nodes that serve one project tell each other what their clients do. */
export interface NodeLink {
  /** Names this node, differently at each start. */
  readonly node: string
  start(events: NodeEvents): Promise<void>
  broadcast(message: RelayedBroadcast): void
  presence(change: RelayedPresence): void
  stop(): Promise<void>
}

/** A node that is alone. */
export function createLonelyLink(node: string): NodeLink {
  return {
    node,
    start: () => Promise.resolve(),
    broadcast: () => undefined,
    presence: () => undefined,
    stop: () => Promise.resolve(),
  }
}
