/** What one client, and all clients of a project together, may use on one node. */
export interface RealtimeLimits {
  /** Connections of a project at once. */
  readonly connections: number
  readonly channelsPerConnection: number
  /** Joins a second; ten times as many may come at once. */
  readonly joinsPerSecond: { readonly connection: number; readonly project: number }
  /** Broadcasts and presence events a second; twice as many may come at once. */
  readonly eventsPerSecond: { readonly connection: number; readonly project: number }
  /** Frames a second that are read from one connection; beyond it reading waits, so the client has to wait too. */
  readonly framesPerSecond: number
  /** Bytes of one event's payload. */
  readonly payloadBytes: number
  /** Bytes of one frame. A larger one closes the connection (1009). */
  readonly frameBytes: number
  /** Bytes that may wait for a client that does not read; beyond it the client is cut off. */
  readonly unsentBytes: number
  /** Milliseconds without any frame (heartbeats count) after which a connection is closed. */
  readonly idleMilliseconds: number
  readonly bindingsPerChannel: number
  /** Rows in the snapshot of one watch. */
  readonly watchedRows: number
  /** Changes that are kept so that a client that comes back can go on where it was. */
  readonly keptChanges: number
  /** Milliseconds that policies may take for one batch of changes, and for one subscriber. */
  readonly policyMilliseconds: number
}

export const defaultLimits: RealtimeLimits = {
  connections: 10_000,
  channelsPerConnection: 100,
  joinsPerSecond: { connection: 50, project: 500 },
  eventsPerSecond: { connection: 100, project: 5_000 },
  framesPerSecond: 1_000,
  payloadBytes: 256 * 1024,
  frameBytes: 1024 * 1024,
  unsentBytes: 4 * 1024 * 1024,
  idleMilliseconds: 60_000,
  bindingsPerChannel: 100,
  watchedRows: 10_000,
  keptChanges: 10_000,
  policyMilliseconds: 5_000,
}

/** Counts what may still happen now: refilled steadily, never above the burst. */
export interface Bucket {
  /** Takes one; false when there is none left. */
  take(): boolean
  /** Milliseconds until one is there. */
  wait(): number
}

export function createBucket(perSecond: number, burst: number, now = () => performance.now()): Bucket {
  let tokens = burst
  let filledAt = now()
  const fill = () => {
    const present = now()
    tokens = Math.min(burst, tokens + ((present - filledAt) / 1000) * perSecond)
    filledAt = present
  }
  return {
    take: () => {
      if (tokens < 1) fill()
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
    wait: () => {
      fill()
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000)
    },
  }
}
