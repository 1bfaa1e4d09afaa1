import { type Bucket, type Buckets, createBucket, createBuckets } from './bucket.ts'
import { createQuota, type Quota } from './quota.ts'
import type { RealtimeLimits } from './realtime-limits.ts'

/** Whom work is counted for. Null is not counted: the service role, a token without a user. */
export interface Payer {
  readonly address: string | null
  readonly user: string | null
}

/** What all clients of a project use together on this node. */
export interface ProjectLimits {
  readonly connections: Quota
  readonly channels: Quota
  readonly presence: Quota
  /** False when there were too many joins in this second. */
  takeJoin(payer: Payer): boolean
  /** False when there were too many events in this second. */
  takeEvent(payer: Payer): boolean
  /** Bytes that came from an address: milliseconds until more may be read. */
  receive(payer: Payer, bytes: number): number
}

/** How many times a second's worth may come at once. */
const burst = { joins: 10, events: 2, bytes: 4, frames: 2 }

export function createProjectLimits(limits: RealtimeLimits): ProjectLimits {
  const { joinsPerSecond, eventsPerSecond, receivedBytesPerSecond } = limits
  const joins = createBucket(joinsPerSecond.project, joinsPerSecond.project * burst.joins)
  const joinsOfAddress = createBuckets(joinsPerSecond.address, joinsPerSecond.address * burst.joins)
  const events = createBucket(eventsPerSecond.project, eventsPerSecond.project * burst.events)
  const eventsOfAddress = createBuckets(eventsPerSecond.address, eventsPerSecond.address * burst.events)
  const eventsOfUser = createBuckets(eventsPerSecond.user, eventsPerSecond.user * burst.events)
  const bytesOfAddress = createBuckets(
    receivedBytesPerSecond.address,
    receivedBytesPerSecond.address * burst.bytes,
  )
  return {
    connections: createQuota(),
    channels: createQuota(),
    presence: createQuota(),
    takeJoin: ({ address }) => takeOf(joinsOfAddress, address) && joins.take(),
    takeEvent: ({ address, user }) =>
      takeOf(eventsOfUser, user) && takeOf(eventsOfAddress, address) && events.take(),
    receive: ({ address }, bytes) => (address === null ? 0 : bytesOfAddress.of(address).spend(bytes)),
  }
}

const takeOf = (buckets: Buckets, holder: string | null): boolean =>
  holder === null || buckets.of(holder).take()

/** What one connection may send. */
export interface ConnectionRates {
  readonly joins: Bucket
  readonly events: Bucket
  readonly frames: Bucket
  readonly bytes: Bucket
}

export function createConnectionRates(limits: RealtimeLimits): ConnectionRates {
  const { joinsPerSecond, eventsPerSecond, framesPerSecond, receivedBytesPerSecond } = limits
  return {
    joins: createBucket(joinsPerSecond.connection, joinsPerSecond.connection * burst.joins),
    events: createBucket(eventsPerSecond.connection, eventsPerSecond.connection * burst.events),
    frames: createBucket(framesPerSecond, framesPerSecond * burst.frames),
    bytes: createBucket(receivedBytesPerSecond.connection, receivedBytesPerSecond.connection * burst.bytes),
  }
}
