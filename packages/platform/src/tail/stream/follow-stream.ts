import type { ActorMessages } from '../../database/index.ts'
import { hasCode } from '../../kernel/index.ts'
import type { DurableConsumer } from '../consumers/consumer.ts'
import { createDelivery, type Delivery } from '../consumers/deliver.ts'
import { parsePosition } from '../position.ts'
import { createChangeDecoder } from './decode-changes.ts'
import {
  openReplicationStream,
  type ReplicationOptions,
  type ReplicationStream,
} from './replication-stream.ts'
import type { StreamedChunk } from './streamed-chunk.ts'

export interface FollowOptions
  extends Omit<ReplicationOptions, 'onMessage' | 'onKeepalive' | 'acknowledged' | 'onEnd'> {
  /** Tells the actors that the platform wrote from forged ones. */
  readonly actors: Pick<ActorMessages, 'read'>
  readonly durable: readonly DurableConsumer[]
  readonly gatherMilliseconds: number
  /** Called once the stream is held, before the first transaction. */
  onHeld(): void
  /** Called for every chunk with changes, truncates or messages, in the order of the stream, before it is stored. */
  onChunk(chunk: StreamedChunk): void
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

/** Reading stops when so many bytes wait for the slowest consumer, and goes on below the second number. */
const memory = { full: 24_000_000, empty: 8_000_000 }
/** SQLSTATE object_in_use. */
const heldByAnother = '55006'

/** Takes the stream and hands out what comes; `held` when another connection has the slot. */
export async function followStream(options: FollowOptions): Promise<Following | 'held'> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  ended.catch(() => undefined)
  let deliveries: readonly Delivery[] | null = null
  let early: StreamedChunk[] = []
  let received = 0n
  let acknowledged = 0n
  let paused = false
  /** True when durable consumers have had a part of the transaction that is coming in. */
  let isStorable = false

  const decoder = createChangeDecoder(options.actors, (chunk) => {
    if (deliveries) distribute(chunk, deliveries)
    else early.push(chunk)
  })

  function distribute(chunk: StreamedChunk, to: readonly Delivery[]): void {
    const { changes, truncated, messages, end } = chunk
    if (end !== null) received = end
    const rows = changes.length + truncated.length
    isStorable ||= rows > 0
    if (rows + messages.length > 0 || chunk.index > 0) options.onChunk(chunk)
    if (isStorable) for (const delivery of to) delivery.push(chunk)
    // Somebody in another process may wait for a mark to be acknowledged, which it can be when it is decoded.
    else if (chunk.isLast && messages.length > 0) queueMicrotask(() => stream.acknowledge())
    if (chunk.isLast) isStorable = false
    if (!paused && waitingBytes(to) > memory.full) {
      paused = true
      stream.pause()
    }
  }

  function onProgress(): void {
    if (paused && waitingBytes(deliveries ?? []) < memory.empty) {
      paused = false
      stream.resume()
    }
    const before = acknowledged
    if (acknowledge() > before) stream.acknowledge()
  }

  /** All that was received when nothing waits; before that, what every consumer has stored. Never goes back. */
  function acknowledge(): bigint {
    if (!deliveries) return acknowledged
    const settled = deliveries.every((delivery) => delivery.pending() === 0)
    const safe = settled ? (decoder.current() ? 0n : received) : leastStored(deliveries)
    if (safe > acknowledged) acknowledged = safe
    return acknowledged
  }

  let stream: ReplicationStream
  try {
    stream = await openReplicationStream({
      ...options,
      onMessage: decoder.decode,
      onKeepalive: (end) => {
        if (!decoder.current() && end > received && deliveries) received = end
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
  for (const chunk of early) distribute(chunk, deliveries)
  early = []
  if (!paused) stream.resume()

  async function beginDelivery(consumer: DurableConsumer): Promise<Delivery> {
    const position = await consumer.position()
    return createDelivery({
      consumer,
      from: position === null ? 0n : parsePosition(position),
      gatherMilliseconds: options.gatherMilliseconds,
      onProgress,
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
