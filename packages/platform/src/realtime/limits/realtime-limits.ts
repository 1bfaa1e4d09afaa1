import { z } from 'zod'

const atMost = (most: number, what: string) => z.number().int().min(0).default(most).describe(what)
const each = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never)

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/**
 * What clients may use on one node. `address` is the client's address (an IPv6 network of 64 bits counts as one), `user`
 * the `sub` of the access token. What speaks for `service_role` is bound by the limits of connection, room and project only.
 */
export const limitsSchema = z.strictObject({
  connections: each({
    address: atMost(1_000, 'Connections of one client address at once.'),
    project: atMost(10_000, 'Connections at once.'),
  }),
  channels: each({
    connection: atMost(100, 'Joined channels of one connection.'),
    user: atMost(1_000, 'Joined channels of one user.'),
    address: atMost(10_000, 'Joined channels of one client address.'),
  }),
  joinsPerSecond: each({
    connection: atMost(50, 'Joins of one connection in a second; ten times as many may come at once.'),
    address: atMost(200, 'Joins of one client address in a second; ten times as many may come at once.'),
    project: atMost(500, 'Joins in a second; ten times as many may come at once.'),
  }),
  eventsPerSecond: each({
    connection: atMost(
      100,
      'Broadcasts and presence events of one connection in a second; twice as many at once.',
    ),
    user: atMost(500, 'Broadcasts and presence events of one user in a second; twice as many at once.'),
    address: atMost(
      1_000,
      'Broadcasts and presence events of one address in a second; twice as many at once.',
    ),
    project: atMost(5_000, 'Broadcasts and presence events in a second; twice as many at once.'),
  }),
  framesPerSecond: atMost(
    1_000,
    'Frames that are read from one connection in a second; beyond it reading waits.',
  ),
  receivedBytesPerSecond: each({
    connection: atMost(
      mebibyte,
      'Bytes that are read from one connection in a second; four times as many at once.',
    ),
    address: atMost(
      8 * mebibyte,
      'Bytes that are read from one address in a second; four times as many at once.',
    ),
  }),
  payloadBytes: atMost(256 * kibibyte, 'Bytes of the payload of one event.'),
  joinBytes: atMost(64 * kibibyte, 'Bytes of the payload of one join: its token, its listeners.'),
  frameBytes: atMost(320 * kibibyte, 'Bytes of one frame; a larger one closes the connection (1009).'),
  requestBytes: atMost(512 * kibibyte, 'Bytes of the body of one POST to api/broadcast.'),
  messagesPerRequest: atMost(100, 'Messages of one POST to api/broadcast.'),
  presenceBytes: each({
    announcement: atMost(4 * kibibyte, 'Bytes of one announcement of presence.'),
    room: atMost(mebibyte, 'Bytes of presence in one room.'),
    connection: atMost(64 * kibibyte, 'Bytes of presence of one connection.'),
    user: atMost(256 * kibibyte, 'Bytes of presence of one user.'),
    address: atMost(mebibyte, 'Bytes of presence of one client address.'),
    addressInRoom: atMost(256 * kibibyte, 'Bytes of presence of one client address in one room.'),
  }),
  unsentBytes: atMost(
    4 * mebibyte,
    'Bytes that wait for a client that does not read; beyond it it is cut off.',
  ),
  waitingBytesOfAddress: atMost(
    64 * mebibyte,
    'Bytes unsent to one client address or in its unfinished frames; beyond it those with most are cut off.',
  ),
  idleMilliseconds: atMost(60_000, 'Time without any frame after which a connection is closed.'),
  bindingsPerChannel: atMost(100, 'Listeners for changes on one channel.'),
  watchedRows: each({
    watch: atMost(10_000, 'Rows in the snapshot of one watch.'),
    user: atMost(200_000, 'Rows in all watches of one user, or of an address without a user.'),
    project: atMost(2_000_000, 'Rows in all watches.'),
  }),
  recheckMilliseconds: atMost(
    5_000,
    'Time after which watched copies whose policies read what the stream does not carry are compared again.',
  ),
  keptBytes: atMost(
    16 * mebibyte,
    'Bytes of changes that are kept so that clients that come back can resume.',
  ),
  queuedBytes: atMost(64 * mebibyte, 'Bytes of changes that may wait; beyond it everyone starts over.'),
  filterMilliseconds: each({
    statement: atMost(500, 'Time that filters with patterns may take in one statement.'),
    user: atMost(100, 'Time of patterns of one user (else address) in a second; ten times as much at once.'),
  }),
  policyMilliseconds: atMost(
    5_000,
    'Time that policies may take for one batch of changes, and for one subscriber.',
  ),
})

export type RealtimeLimits = z.output<typeof limitsSchema>
/** What differs from the defaults. */
export type RealtimeLimitSettings = z.input<typeof limitsSchema>
