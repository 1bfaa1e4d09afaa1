import type { ActorMessages } from '../../database/index.ts'
import { hasCode } from '../../kernel/index.ts'
import type { DurableConsumer } from '../consumers/consumer.ts'
import { createDelivery, type Delivery } from '../consumers/deliver.ts'
import { createChangeDecoder } from './decode-changes.ts'
import {
  openReplicationStream,
  type ReplicationOptions,
  type ReplicationStream,
} from './replication-stream.ts'
import type { StreamedChunk } from './streamed-chunk.ts'

export interface FollowOptions
  extends Omit<ReplicationOptions, 'onMessage' | 'onOversized' | 'onKeepalive' | 'acknowledged' | 'onEnd'> {
  /** Tells the actors that the platform wrote from forged ones. */
  readonly actors: Pick<ActorMessages, 'read'>
  readonly gatherMilliseconds: number
  /** A consumer that has not asked for more for so long, although there is more, has failed. */
  readonly stallMilliseconds: number
  /** Position of a transaction that nobody is given, since it cannot be read to its end; null for none. */
  readonly withhold: bigint | null
  /** It came to its end after all. */
  onWithheldEnd(): void
  /** Called once the stream is held: the durable consumers that are fed, each from after a position on. */
  consumers(): Promise<readonly FedConsumer[]>
  /** True while nothing may be acknowledged, because somebody who is not fed needs it again. */
  isHeldBack(): boolean
  /** All up to `end` would be acknowledged if nothing was held back. */
  onSettled(end: bigint): void
  /** Called once the stream is held, before the first chunk. */
  onHeld(): void
  /** Called for every chunk with changes, truncates or messages, in the order of the stream, before it is stored. */
  onChunk(chunk: StreamedChunk): void
  onStored(consumer: DurableConsumer): void
  /** A consumer could not store and is not fed any more; `done` settles when it does nothing any more. */
  onFailure(consumer: DurableConsumer, error: unknown, done: Promise<void>): void
}

export interface FedConsumer {
  readonly consumer: DurableConsumer
  /** What it has stored. */
  readonly from: bigint
}

/** The stream while this process holds it. */
export interface Following {
  /** Rejects when the stream fails; resolves when it was closed. */
  readonly ended: Promise<void>
  /** Everything that committed up to here was received. */
  received(): bigint
  /** Resolves when all that was received so far is stored by those who are fed. */
  drain(): Promise<void>
  pending(): number
  /** Milliseconds since the oldest transaction that is not stored arrived. */
  lag(): number
  /** End of the last transaction that all who are fed have stored. */
  stored(): bigint | null
  /** Position of the transaction whose end has not come; null between transactions. */
  unfinished(): bigint | null
  /** Reads to the end of the transaction that is coming in; resolves when what was received is stored. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** Reading stops when so many bytes wait for the slowest consumer, and goes on below the second number. */
const memory = { full: 8_000_000, empty: 2_000_000 }
/** SQLSTATE object_in_use. */
const heldByAnother = '55006'
const watchMilliseconds = 1_000
/** How long a consumer may take to end what it does when the stream is over. */
const abandonMilliseconds = 5_000

/** Takes the stream and hands out what comes; `held` when another connection has the slot. */
export async function followStream(options: FollowOptions): Promise<Following | 'held'> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  ended.catch(() => undefined)
  const fed = new Map<DurableConsumer, Delivery>()
  const deliveries = () => [...fed.values()]
  /** What came before it was known who is fed; null afterwards. */
  let early: StreamedChunk[] | null = []
  let received = 0n
  let acknowledged = 0n
  let isFull = false
  /** Called at the next end of a transaction, instead of reading on. */
  let onWhole: (() => void) | null = null
  /** True when durable consumers have had a part of the transaction that is coming in. */
  let isStorable = false
  /** True once a part of a transaction came that nobody is given: nothing from there on may be acknowledged. */
  let isWithholding = false

  const decoder = createChangeDecoder(options.actors, (chunk) => {
    if (early) early.push(chunk)
    else distribute(chunk)
  })

  function distribute(chunk: StreamedChunk): void {
    if (chunk.transaction.commit === options.withhold) {
      withhold(chunk)
      return
    }
    // What comes after it is asked for again as well.
    if (isWithholding) return
    const { changes, truncated, messages, end } = chunk
    if (end !== null) received = end
    const rows = changes.length + truncated.length
    isStorable ||= rows > 0
    if (rows + messages.length > 0 || chunk.index > 0) options.onChunk(chunk)
    if (isStorable) for (const delivery of fed.values()) delivery.push(chunk)
    // Somebody in another process may wait for a mark to be acknowledged.
    else if (chunk.isLast && messages.length > 0) stream.acknowledge()
    if (chunk.isLast) isStorable = false
    isFull ||= mostWaiting() > memory.full
    flow()
  }

  /** If it comes to its end, all of it is asked for again. */
  function withhold({ isLast }: StreamedChunk): void {
    isWithholding = true
    if (!isLast) return
    options.onWithheldEnd()
    reject(new Error('the transaction that could not be read came to its end'))
  }

  function flow(): void {
    if (onWhole && !decoder.current()) {
      stream.pause()
      onWhole()
    } else if (isFull) stream.pause()
    else stream.resume()
  }

  const mostWaiting = () => Math.max(0, ...deliveries().map((delivery) => delivery.pendingBytes()))

  function onProgress(): void {
    if (isFull && mostWaiting() < memory.empty) {
      isFull = false
      flow()
    }
    const before = acknowledged
    if (acknowledge() > before) stream.acknowledge()
  }

  /** All that was received when nothing waits; before that, what all who are fed have stored. Never goes back. */
  function acknowledge(): bigint {
    if (early) return acknowledged
    const isSettled = deliveries().every((delivery) => delivery.pending() === 0)
    const safe = isSettled ? (decoder.current() ? 0n : received) : leastStored(deliveries())
    if (safe <= acknowledged) return acknowledged
    if (options.isHeldBack()) options.onSettled(safe)
    else acknowledged = safe
    return acknowledged
  }

  function feed({ consumer, from }: FedConsumer): void {
    const fail = (error: unknown, done: Promise<void>) => {
      fed.delete(consumer)
      options.onFailure(consumer, error, done)
      onProgress()
    }
    const delivery = createDelivery({
      consumer,
      from,
      gatherMilliseconds: options.gatherMilliseconds,
      onProgress,
      onStored: () => options.onStored(consumer),
      onFailure: fail,
    })
    fed.set(consumer, delivery)
  }

  let stream: ReplicationStream
  try {
    stream = await openReplicationStream({
      ...options,
      onMessage: decoder.decode,
      onOversized: decoder.skip,
      onKeepalive: (end) => {
        if (!decoder.current() && end > received && !early && !isWithholding) received = end
      },
      acknowledged: acknowledge,
      onEnd: (problem) => (problem ? reject(problem) : resolve()),
    })
  } catch (error) {
    if (hasCode(error, heldByAnother)) return 'held'
    throw error
  }

  try {
    for (const each of await options.consumers()) feed(each)
  } catch (error) {
    await stream.close()
    throw error
  }
  options.onHeld()
  const came = early
  early = null
  for (const chunk of came) distribute(chunk)
  flow()
  const watching = setInterval(() => {
    for (const delivery of deliveries()) delivery.giveUpAfter(options.stallMilliseconds)
  }, watchMilliseconds)
  watching.unref()

  /** A consumer that does not come to an end is not waited for, and not fed before it has. */
  async function abandon([consumer, delivery]: readonly [DurableConsumer, Delivery]): Promise<void> {
    const done = delivery.abandon()
    const late = new Promise<'late'>((end) => {
      setTimeout(end, abandonMilliseconds, 'late').unref()
    })
    if ((await Promise.race([done, late])) !== 'late') return
    options.onFailure(consumer, new Error('it does not end what it does'), done)
  }

  const drain = async () => {
    await Promise.all(deliveries().map((delivery) => delivery.drain()))
  }
  return {
    ended,
    received: () => received,
    drain,
    pending: () => Math.max(0, ...deliveries().map((delivery) => delivery.pending())),
    lag: () => Math.max(0, ...deliveries().map((delivery) => delivery.age())),
    stored: () => leastStored(deliveries()) || null,
    unfinished: () => decoder.current()?.commit ?? null,
    finish: async () => {
      await new Promise<void>((whole) => {
        onWhole = whole
        flow()
      })
      await drain()
    },
    close: async () => {
      clearInterval(watching)
      await Promise.all([...fed].map(abandon))
      await stream.close()
    },
  }
}

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
