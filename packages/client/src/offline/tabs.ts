/** What one tab tells the others of the same store. */
export interface TabMessage {
  readonly user: string
  readonly settled: unknown
}

/** The other tabs, or nobody. */
export interface Tabs {
  post(message: TabMessage): void
  /** The result ends it. */
  listen(hear: (message: TabMessage) => void): () => void
  close(): void
}

/** The tabs of one origin that opened the same name. */
export function openTabs(name: string): Tabs {
  if (typeof BroadcastChannel === 'undefined') return noTabs
  const channel = new BroadcastChannel(name)
  // In Node an open channel would keep the process alive.
  ;(channel as unknown as { unref?: () => void }).unref?.()
  return {
    post: (message) => channel.postMessage(message),
    listen: (hear) => {
      const listener = (event: unknown): void => hear((event as { data: TabMessage }).data)
      channel.addEventListener('message', listener)
      return () => channel.removeEventListener('message', listener)
    },
    close: () => channel.close(),
  }
}

const noTabs: Tabs = { post: () => undefined, listen: () => () => undefined, close: () => undefined }
