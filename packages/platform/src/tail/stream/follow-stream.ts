import type { ActorMessages } from '../../database/index.ts'
import { hasCode } from '../../kernel/index.ts'
import type { DurableConsumer } from '../consumers/consumer.ts'
import { createDelivery, type Delivery } from '../consumers/deliver.ts'
import { parsePosition } from '../position.ts'
import { createChangeDecoder, type StreamedTransaction } from './decode-changes.ts'
import {
  openReplicationStream,
  type ReplicationOptions,
  type ReplicationStream,
} from './replication-stream.ts'

export interface FollowOptions
  extends Omit<ReplicationOptions, 'onMessage' | 'onKeepalive' | 'acknowledged' | 'onEnd'> {
  /** Tells the actors that the platform wrote from forged ones. */
  readonly actors: Pick<ActorMessages, 'read'>
  readonly durable: readonly DurableConsumer[]
  readonly gatherMilliseconds: number
  /** Called once the stream is held, before the first transaction. */
  onHeld(): void
  /** Called for every transaction with changes, truncates or messages, in commit order, before it is stored. */
  onTransaction(transaction: StreamedTransaction, end: bigint): void
}

/** The stream while this process holds it. */
export interface Following {
  /** Rejects when the stream or a durable consumer fails; resolves when it was closed. */
  readonly ended: Promise<void>
  /** Resolves when all that was received so far is stored. */
  drain(): Promise<void>
  pending(): number
  /** Milliseconds since the oldest transaction that is not stored arrived. */
  lag(): number
  /** End of the last transaction that all durable consumers have stored. */
  stored(): bigint | null
  close(): Promise<void>
}

/** Reading stops above the first number of waiting bytes and goes on below the second. */
const memory = { full: 64_000_000, empty: 16_000_000 }
/** SQLSTATE object_in_use. */
const heldByAnother = '55006'

/** Takes the stream and hands out what comes; `held` when another connection has the slot. */
export async function followStream(options: FollowOptions): Promise<Following | 'held'> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  ended.catch(() => undefined)
  let deliveries: readonly Delivery[] | null = null
  let early: StreamedTransaction[] = []
  let received = 0n
  let acknowledged = 0n
  let paused = false

  const decoder = createChangeDecoder(options.actors, (transaction) => {
    if (deliveries) distribute(transaction, deliveries)
    else early.push(transaction)
  })

  function distribute(transaction: StreamedTransaction, to: readonly Delivery[]): void {
    received = transaction.end
    const rows = transaction.changes.length + transaction.truncated.length
    if (rows === 0 && transaction.messages.length === 0) return
    options.onTransaction(transaction, transaction.end)
    if (rows > 0) for (const delivery of to) delivery.push(transaction)
    // Somebody in another process may wait for a mark to be acknowledged.
    else stream.acknowledge()
    if (!paused && waitingBytes(to) > memory.full) {
      paused = true
      stream.pause()
    }
  }

  function onStored(): void {
    if (paused && waitingBytes(deliveries ?? []) < memory.empty) {
      paused = false
      stream.resume()
    }
    stream.acknowledge()
  }

  /** All that was received when nothing waits; before that, what every consumer has stored. Never goes back. */
  function acknowledge(): bigint {
    if (!deliveries) return acknowledged
    const settled = deliveries.every((delivery) => delivery.pending() === 0)
    const safe = settled ? (decoder.inTransaction() ? 0n : received) : leastStored(deliveries)
    if (safe > acknowledged) acknowledged = safe
    return acknowledged
  }

  let stream: ReplicationStream
  try {
    stream = await openReplicationStream({
      ...options,
      onMessage: decoder.decode,
      onKeepalive: (end) => {
        if (!decoder.inTransaction() && end > received && deliveries) received = end
      },
      acknowledged: acknowledge,
      onEnd: (problem) => (problem ? reject(problem) : resolve()),
    })
  } catch (error) {
    if (hasCode(error, heldByAnother)) return 'held'
    throw error
  }

  try {
    deliveries = await Promise.all(options.durable.map(beginDelivery))
  } catch (error) {
    await stream.close()
    throw error
  }
  options.onHeld()
  for (const transaction of early) distribute(transaction, deliveries)
  early = []
  if (!paused) stream.resume()

  async function beginDelivery(consumer: DurableConsumer): Promise<Delivery> {
    const position = await consumer.position()
    return createDelivery({
      consumer,
      from: position === null ? 0n : parsePosition(position),
      gatherMilliseconds: options.gatherMilliseconds,
      onStored,
      onFailure: (error) => reject(error),
    })
  }

  const all = deliveries
  return {
    ended,
    drain: async () => {
      await Promise.all(all.map((delivery) => delivery.drain()))
    },
    pending: () => Math.max(0, ...all.map((delivery) => delivery.pending())),
    lag: () => Math.max(0, ...all.map((delivery) => delivery.age())),
    stored: () => leastStored(all) || null,
    close: async () => {
      await Promise.all(all.map((delivery) => delivery.abandon()))
      await stream.close()
    },
  }
}

const waitingBytes = (deliveries: readonly Delivery[]) =>
  deliveries.reduce((most, delivery) => Math.max(most, delivery.pendingBytes()), 0)

/** A consumer that has nothing waiting holds nobody up. */
function leastStored(deliveries: readonly Delivery[]): bigint {
  const waiting = deliveries.filter((delivery) => delivery.pending() > 0)
  const [first = 0n, ...others] = (waiting.length > 0 ? waiting : deliveries).map(
    (each) => each.stored() ?? 0n,
  )
  let least = first
  for (const end of others) if (end < least) least = end
  return least
}
