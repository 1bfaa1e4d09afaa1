import { setTimeout as wait } from 'node:timers/promises'
import type { StreamedChunk } from '../stream/streamed-chunk.ts'
import type { Batch, DurableConsumer } from './consumer.ts'

/** Hands transactions to one durable consumer, a batch at a time, and knows what it has stored. */
export interface Delivery {
  push(chunk: StreamedChunk): void
  /** Bytes that wait, or that the consumer has in hand. */
  pendingBytes(): number
  /** Transactions that are not stored yet. */
  pending(): number
  /** Milliseconds since the oldest transaction that is not stored began to arrive. */
  age(): number
  /** End of the last transaction stored since the delivery began; null before the first. */
  stored(): bigint | null
  /** Resolves when every transaction that has come to its end so far is stored; does not wait for more to gather. */
  drain(): Promise<void>
  /** Fails when the consumer has something to do and has not gone on for so many milliseconds. */
  giveUpAfter(milliseconds: number): void
  /** Ends without storing what waits; resolves when no batch is under way any more. */
  abandon(): Promise<void>
}

export interface DeliveryOptions {
  readonly consumer: DurableConsumer
  /** What the consumer had stored before; transactions up to it are left out. */
  readonly from: bigint
  /**
   * Least time from one batch to the next, milliseconds, unless a batch is full: under load fewer and larger batches
   * cost far less, and a single change is stored at once.
   */
  readonly gatherMilliseconds: number
  /** There is room for more: something was stored, or is not held in memory any more. */
  onProgress(): void
  /** A batch was stored. */
  onStored(): void
  /** Called once; `done` settles when the consumer does nothing any more. */
  onFailure(error: unknown, done: Promise<void>): void
}

/** Where a batch of several transactions is full. */
const fullBatch = { changes: 20_000, bytes: 16_000_000 }
/** What a consumer has in hand at once, unless a single chunk is larger. */
export const sliceBounds = { changes: 2_000, bytes: 2_000_000 }

/** A transaction that is not stored yet. */
interface Unstored {
  readonly arrived: number
  /** Null while more of it is to come. */
  end: bigint | null
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { consumer, from, gatherMilliseconds, onProgress, onStored, onFailure } = options
  const abandoned = new AbortController()
  const unstored: Unstored[] = []
  let waiting: StreamedChunk[] = []
  let waitingBytes = 0
  let waitingChanges = 0
  let bytesInHand = 0
  let stored: bigint | null = null
  let hurried = false
  let hurry = new AbortController()
  let arrival = Promise.withResolvers<void>()
  let working: Promise<void> | null = null
  /** When the consumer last took something, or finished a batch; null while it has nothing to do. */
  let busySince: number | null = null
  let drained: { readonly last: Unstored; resolve(): void; reject(error: unknown): void }[] = []

  function push(chunk: StreamedChunk): void {
    if (chunk.transaction.commit <= from || abandoned.signal.aborted) return
    const last = unstored.at(-1)
    if (last?.end === null) last.end = chunk.end
    else unstored.push({ arrived: performance.now(), end: chunk.end })
    waiting.push(chunk)
    waitingBytes += chunk.bytes
    waitingChanges += chunk.changes.length
    if (isFull()) hurry.abort()
    arrival.resolve()
    working ??= work().catch((error: unknown) => fail(error, Promise.resolve()))
  }

  const isFull = () => waitingChanges >= fullBatch.changes || waitingBytes >= fullBatch.bytes

  async function work(): Promise<void> {
    // What has already been received belongs into the first batch.
    await Promise.resolve()
    while (waiting.length > 0 && !abandoned.signal.aborted) {
      const began = performance.now()
      await store()
      if (!abandoned.signal.aborted) await gather(gatherMilliseconds - (performance.now() - began))
    }
    working = null
  }

  async function gather(milliseconds: number): Promise<void> {
    if (milliseconds <= 0 || hurried || isFull()) return
    hurry = new AbortController()
    await wait(milliseconds, undefined, { signal: hurry.signal }).catch(() => undefined)
  }

  async function store(): Promise<void> {
    busySince = performance.now()
    const slices = takeSlices()
    let last: StreamedChunk | undefined
    const batch: Batch = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const slice = await slices.next()
          if (!slice.done) last = slice.value.at(-1)
          return slice
        },
      }),
      get position() {
        return (last ?? waiting[0])!.transaction.position
      },
    }
    await consumer.handle(batch)
    for await (const rest of slices) last = rest.at(-1)
    busySince = null
    settle(last!.end!)
    onStored()
  }

  /**
   * What waits now, up to a full batch; when that ends in the middle of a transaction, also what is still to come of it.
   */
  async function* takeSlices(): AsyncGenerator<readonly StreamedChunk[], undefined> {
    let left = waiting.length
    let changes = 0
    let bytes = 0
    let isWhole = true
    try {
      while (!isWhole || (left > 0 && changes < fullBatch.changes && bytes < fullBatch.bytes)) {
        abandoned.signal.throwIfAborted()
        if (waiting.length === 0) await arrivalOfMore()
        const slice = takeSlice()
        left -= slice.length
        for (const chunk of slice) {
          changes += chunk.changes.length
          bytes += chunk.bytes
        }
        isWhole = slice.at(-1)!.isLast
        yield slice
      }
    } finally {
      bytesInHand = 0
    }
    return undefined
  }

  async function arrivalOfMore(): Promise<void> {
    bytesInHand = 0
    busySince = null
    onProgress()
    arrival = Promise.withResolvers()
    const { signal } = abandoned
    const stop = () => arrival.reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    await arrival.promise.finally(() => signal.removeEventListener('abort', stop))
    busySince = performance.now()
  }

  function takeSlice(): readonly StreamedChunk[] {
    let count = 0
    let changes = 0
    let bytes = 0
    for (const chunk of waiting) {
      if (
        count > 0 &&
        (changes + chunk.changes.length > sliceBounds.changes || bytes + chunk.bytes > sliceBounds.bytes)
      )
        break
      count += 1
      changes += chunk.changes.length
      bytes += chunk.bytes
    }
    const slice = waiting.slice(0, count)
    waiting = waiting.slice(count)
    waitingBytes -= bytes
    waitingChanges -= changes
    bytesInHand = bytes
    busySince = performance.now()
    onProgress()
    return slice
  }

  function settle(end: bigint): void {
    stored = end
    const count = unstored.findIndex((each) => each.end === end) + 1
    const done = new Set(unstored.splice(0, count))
    onProgress()
    drained = drained.filter((waiter) => {
      if (!done.has(waiter.last)) return true
      waiter.resolve()
      return false
    })
    hurried = drained.length > 0
  }

  function fail(error: unknown, done: Promise<void>): void {
    working = null
    if (abandoned.signal.aborted) return
    letGo(error)
    onFailure(error, done)
  }

  function letGo(reason: unknown): void {
    abandoned.abort(reason)
    hurry.abort()
    for (const waiter of drained) waiter.reject(reason)
    drained = []
  }

  return {
    push,
    pendingBytes: () => waitingBytes + bytesInHand,
    pending: () => unstored.length,
    age: () => (unstored[0] ? performance.now() - unstored[0].arrived : 0),
    stored: () => stored,
    drain: () => {
      const last = unstored.findLast(({ end }) => end !== null)
      if (!last) return Promise.resolve()
      if (abandoned.signal.aborted) return Promise.reject(abandoned.signal.reason)
      hurried = true
      hurry.abort()
      return new Promise((resolve, reject) => drained.push({ last, resolve, reject }))
    },
    giveUpAfter: (milliseconds) => {
      if (busySince === null || performance.now() - busySince < milliseconds) return
      fail(new Error(`nothing was stored in ${milliseconds} ms`), working ?? Promise.resolve())
    },
    abandon: async () => {
      letGo(new Error('The stream was let go of'))
      await working
    },
  }
}
