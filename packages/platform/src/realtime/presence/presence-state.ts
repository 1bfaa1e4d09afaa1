import type { JsonObject } from '../../kernel/index.ts'

/** Someone who is present on a channel, once per connection. */
export interface Presence {
  /** Unique: names this very announcement. */
  readonly ref: string
  /** What the client calls itself; several connections may share it. */
  readonly key: string
  readonly meta: JsonObject
  /** The announcement that this one replaces. */
  readonly previousRef?: string
}

/** What an announcement costs everyone who joins: its bytes as JSON, its key, and what Phoenix adds to it. */
export const bytesOf = ({ key, meta }: Presence): number =>
  Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(meta)) + overhead

const overhead = 128

/** Phoenix's form: by key, the announcements under it. */
export type PresenceState = Readonly<Record<string, { readonly metas: readonly JsonObject[] }>>

export interface PresenceDiff {
  readonly joins: PresenceState
  readonly leaves: PresenceState
}

/** Who is present on one channel, on all nodes. Each node alone decides about its own part, so parts never conflict. */
export interface PresenceTable {
  put(node: string, presence: Presence): void
  remove(node: string, ref: string): void
  /** Replaces all that a node has said before. */
  replace(node: string, present: readonly Presence[]): void
  of(node: string): readonly Presence[]
  state(): PresenceState
  /** Bytes of all that are present. */
  bytes(): number
  isEmpty(): boolean
  /** What has changed since the last call; undefined when nothing has. Who came and went in between does not appear. */
  takeDiff(): PresenceDiff | undefined
}

export function createPresenceTable(): PresenceTable {
  const nodes = new Map<string, Map<string, Presence>>()
  const joins = new Map<string, Presence>()
  const leaves = new Map<string, Presence>()
  let bytes = 0

  function put(node: string, presence: Presence): void {
    const there = nodes.get(node) ?? new Map<string, Presence>()
    if (there.has(presence.ref)) return
    nodes.set(node, there.set(presence.ref, presence))
    bytes += bytesOf(presence)
    if (!leaves.delete(presence.ref)) joins.set(presence.ref, presence)
  }

  function remove(node: string, ref: string): void {
    const there = nodes.get(node)
    const presence = there?.get(ref)
    if (!there || !presence) return
    there.delete(ref)
    bytes -= bytesOf(presence)
    if (there.size === 0) nodes.delete(node)
    if (!joins.delete(ref)) leaves.set(ref, presence)
  }

  return {
    put,
    remove,
    replace: (node, present) => {
      const refs = new Set(present.map(({ ref }) => ref))
      for (const ref of [...(nodes.get(node)?.keys() ?? [])]) if (!refs.has(ref)) remove(node, ref)
      for (const presence of present) put(node, presence)
    },
    of: (node) => [...(nodes.get(node)?.values() ?? [])],
    state: () => stateOf([...nodes.values()].flatMap((there) => [...there.values()])),
    bytes: () => bytes,
    isEmpty: () => nodes.size === 0 && joins.size === 0 && leaves.size === 0,
    takeDiff: () => {
      if (joins.size === 0 && leaves.size === 0) return undefined
      const diff = { joins: stateOf([...joins.values()]), leaves: stateOf([...leaves.values()]) }
      joins.clear()
      leaves.clear()
      return diff
    },
  }
}

/** Keys are the clients' own words, `__proto__` included, so the object has no prototype. */
function stateOf(present: readonly Presence[]): PresenceState {
  const state: Record<string, { metas: JsonObject[] }> = Object.create(null)
  for (const { key, meta, ref, previousRef } of present) {
    state[key] ??= { metas: [] }
    state[key].metas.push({
      ...meta,
      phx_ref: ref,
      ...(previousRef === undefined ? {} : { phx_ref_prev: previousRef }),
    })
  }
  return state
}
