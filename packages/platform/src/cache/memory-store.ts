/** An answer in memory. */
export interface MemoryEntry {
  /** JSON text: whoever asks gets a value of their own. */
  readonly text: string
  readonly tags: readonly string[]
  /** Milliseconds of the clock. */
  readonly freshUntil: number
  readonly staleUntil: number
  /** Never pushed out by others. */
  readonly isPinned: boolean
}

/** Answers within a number of bytes; those that were not asked for the longest go first, pinned ones never. */
export interface MemoryStore {
  get(key: string): MemoryEntry | undefined
  /** Leaves it out when there is no room for it beside what is pinned. */
  set(key: string, entry: MemoryEntry): void
  delete(key: string): void
  /** Removes every answer that has the tag. */
  deleteTagged(tag: string): void
  /** Removes what nobody may be given any more. */
  deleteOld(now: number): void
  clear(): void
  usage(): { readonly entries: number; readonly bytes: number; readonly pinnedBytes: number }
}

/** What an entry costs beside its texts, about. */
const overhead = 200

export function createMemoryStore(budget: number): MemoryStore {
  const pinned = new Map<string, MemoryEntry>()
  /** In the order of their last use. */
  const others = new Map<string, MemoryEntry>()
  const byTag = new Map<string, Set<string>>()
  let bytes = 0
  let pinnedBytes = 0

  function remove(key: string): void {
    const entry = pinned.get(key) ?? others.get(key)
    if (!entry) return
    const size = sizeOf(key, entry)
    bytes -= size
    if (entry.isPinned) pinnedBytes -= size
    pinned.delete(key)
    others.delete(key)
    for (const tag of entry.tags) {
      const keys = byTag.get(tag)
      keys?.delete(key)
      if (keys?.size === 0) byTag.delete(tag)
    }
  }

  return {
    get: (key) => {
      const found = pinned.get(key)
      if (found) return found
      const entry = others.get(key)
      if (entry) {
        others.delete(key)
        others.set(key, entry)
      }
      return entry
    },
    set: (key, entry) => {
      remove(key)
      const size = sizeOf(key, entry)
      if (pinnedBytes + size > budget) return
      for (const oldest of others.keys()) {
        if (bytes + size <= budget) break
        remove(oldest)
      }
      ;(entry.isPinned ? pinned : others).set(key, entry)
      bytes += size
      if (entry.isPinned) pinnedBytes += size
      for (const tag of entry.tags) byTag.set(tag, (byTag.get(tag) ?? new Set()).add(key))
    },
    delete: remove,
    deleteTagged: (tag) => {
      for (const key of [...(byTag.get(tag) ?? [])]) remove(key)
    },
    deleteOld: (now) => {
      for (const [key, { staleUntil }] of [...pinned, ...others]) if (staleUntil <= now) remove(key)
    },
    clear: () => {
      for (const each of [pinned, others, byTag]) each.clear()
      bytes = 0
      pinnedBytes = 0
    },
    usage: () => ({ entries: pinned.size + others.size, bytes, pinnedBytes }),
  }
}

/** JavaScript keeps texts with one or two bytes a character. */
const sizeOf = (key: string, { text, tags }: MemoryEntry): number =>
  overhead + 2 * (key.length + text.length + tags.reduce((sum, tag) => sum + tag.length, 0))
