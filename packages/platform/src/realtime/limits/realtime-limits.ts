/** Most of something, by whom it is counted for. */
type Shares<Holder extends string> = Readonly<Record<Holder, number>>

/**
 * What clients may use on one node. `address` is the client's address (an IPv6 network of 64 bits counts as one), `user`
 * the `sub` of the access token. What speaks for `service_role` is bound by the limits of connection, room and project only.
 */
export interface RealtimeLimits {
  /** Connections at once. Defaults 1,000 and 10,000. */
  readonly connections: Shares<'address' | 'project'>
  /** Joined channels at once. Defaults 100, 1,000 and 10,000. */
  readonly channels: Shares<'connection' | 'user' | 'address'>
  /** Joins a second; ten times as many may come at once. Defaults 50, 200 and 500. */
  readonly joinsPerSecond: Shares<'connection' | 'address' | 'project'>
  /** Broadcasts and presence events a second; twice as many may come at once. Defaults 100, 500, 1,000 and 5,000. */
  readonly eventsPerSecond: Shares<'connection' | 'user' | 'address' | 'project'>
  /** Frames a second that are read from one connection; beyond it reading waits, so the client has to wait. Default 1,000. */
  readonly framesPerSecond: number
  /** Bytes a second that are read, likewise; four times as many may come at once. Defaults 1 and 8 MiB. */
  readonly receivedBytesPerSecond: Shares<'connection' | 'address'>
  /** Bytes of one event's payload. Default 256 KiB. */
  readonly payloadBytes: number
  /** Bytes of one join's payload: its token, its listeners. Default 64 KiB. */
  readonly joinBytes: number
  /** Bytes of one frame. A larger one closes the connection (1009). Default 320 KiB. */
  readonly frameBytes: number
  /** Bytes of the body of one `POST …/api/broadcast`. Default 512 KiB. */
  readonly requestBytes: number
  /** Messages of one `POST …/api/broadcast`. Default 100. */
  readonly messagesPerRequest: number
  /**
   * Bytes of presence at once: of one announcement, and of all announcements in one room, of one connection, user and
   * address, and of one address in one room. Defaults 4 KiB, 1 MiB, 64 KiB, 256 KiB, 1 MiB and 256 KiB.
   */
  readonly presenceBytes: Shares<
    'announcement' | 'room' | 'connection' | 'user' | 'address' | 'addressInRoom'
  >
  /** Bytes that may wait for a client that does not read; beyond it the client is cut off. Default 4 MiB. */
  readonly unsentBytes: number
  /**
   * Bytes that wait for all clients of one address or came from them as unfinished frames; beyond it those that hold most
   * are cut off. Default 64 MiB.
   */
  readonly waitingBytesOfAddress: number
  /** Milliseconds without any frame (heartbeats count) after which a connection is closed. Default 60,000. */
  readonly idleMilliseconds: number
  /** Listeners for changes on one channel. Default 100. */
  readonly bindingsPerChannel: number
  /** Rows in the snapshot of one watch. Default 10,000. */
  readonly watchedRows: number
  /** Bytes of changes that are kept so that a client that comes back can go on where it was. Default 16 MiB. */
  readonly keptBytes: number
  /** Bytes of changes that may wait for the database's answer before everyone is told to start over. Default 256 MiB. */
  readonly queuedBytes: number
  /**
   * Milliseconds that filters with patterns (`like`, `ilike`, `match`, `imatch`) may take: one statement, and all of one
   * user, or of an address without a user, in a second; ten times as much may come at once. Defaults 500 and 100.
   */
  readonly filterMilliseconds: Shares<'statement' | 'user'>
  /** Milliseconds that policies may take for one batch of changes, and for one subscriber. Default 5,000. */
  readonly policyMilliseconds: number
}

/** What a project sets itself; the rest is as in `defaultLimits`. */
export type RealtimeLimitSettings = {
  readonly [Name in keyof RealtimeLimits]?: RealtimeLimits[Name] extends number
    ? number
    : Partial<RealtimeLimits[Name]>
}

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const defaultLimits: RealtimeLimits = {
  connections: { address: 1_000, project: 10_000 },
  channels: { connection: 100, user: 1_000, address: 10_000 },
  joinsPerSecond: { connection: 50, address: 200, project: 500 },
  eventsPerSecond: { connection: 100, user: 500, address: 1_000, project: 5_000 },
  framesPerSecond: 1_000,
  receivedBytesPerSecond: { connection: mebibyte, address: 8 * mebibyte },
  payloadBytes: 256 * kibibyte,
  joinBytes: 64 * kibibyte,
  frameBytes: 320 * kibibyte,
  requestBytes: 512 * kibibyte,
  messagesPerRequest: 100,
  presenceBytes: {
    announcement: 4 * kibibyte,
    room: mebibyte,
    connection: 64 * kibibyte,
    user: 256 * kibibyte,
    address: mebibyte,
    addressInRoom: 256 * kibibyte,
  },
  unsentBytes: 4 * mebibyte,
  waitingBytesOfAddress: 64 * mebibyte,
  idleMilliseconds: 60_000,
  bindingsPerChannel: 100,
  watchedRows: 10_000,
  keptBytes: 16 * mebibyte,
  queuedBytes: 256 * mebibyte,
  filterMilliseconds: { statement: 500, user: 100 },
  policyMilliseconds: 5_000,
}

/** The limits of a project. Fails with a RangeError for a number that is no limit. */
export function limitsOf(settings: RealtimeLimitSettings = {}): RealtimeLimits {
  const limits: Record<string, unknown> = { ...defaultLimits }
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue
    for (const number of typeof value === 'number' ? [value] : Object.values(value)) {
      if (!(number >= 0))
        throw new RangeError(`The realtime limit ${name} is ${number}: it has to be 0 or more.`)
    }
    limits[name] = typeof value === 'number' ? value : { ...(limits[name] as object), ...value }
  }
  return limits as unknown as RealtimeLimits
}
