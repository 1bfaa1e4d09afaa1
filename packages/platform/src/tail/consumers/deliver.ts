import { setTimeout as wait } from 'node:timers/promises'
import type { StreamedTransaction } from '../stream/decode-changes.ts'
import type { DurableConsumer } from './consumer.ts'

/** Hands transactions to one durable consumer, a batch at a time, and knows what it has stored. */
export interface Delivery {
  push(transaction: StreamedTransaction): void
  /** Bytes of the stream that wait or are being stored. */
  pendingBytes(): number
  pending(): number
  /** Milliseconds since the oldest waiting transaction arrived. */
  age(): number
  /** End of the last transaction stored since the delivery began; null before the first. */
  stored(): bigint | null
  /** Resolves when everything that was pushed so far is stored; does not wait for more to gather. */
  drain(): Promise<void>
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
  onStored(): void
  onFailure(error: unknown): void
}

/** Where a batch is full: rows, and bytes of the stream. */
const fullBatch = { changes: 20_000, bytes: 16_000_000 }

interface Waiting {
  readonly transaction: StreamedTransaction
  readonly arrived: number
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { consumer, from, gatherMilliseconds, onStored, onFailure } = options
  let waiting: Waiting[] = []
  let inHand: readonly Waiting[] = []
  let bytes = 0
  let changes = 0
  let stored: bigint | null = null
  let abandoned = false
  let hurried = false
  let hurry = new AbortController()
  let working: Promise<void> | null = null
  let drained: { at: Waiting | undefined; resolve(): void; reject(error: unknown): void }[] = []

  function push(transaction: StreamedTransaction): void {
    if (transaction.end <= from || abandoned) return
    waiting.push({ transaction, arrived: performance.now() })
    bytes += transaction.bytes
    changes += transaction.changes.length
    if (isFull()) hurry.abort()
    working ??= work().catch(fail)
  }

  const isFull = () => changes >= fullBatch.changes || bytes >= fullBatch.bytes

  async function work(): Promise<void> {
    // What has already been received belongs into the first batch.
    await Promise.resolve()
    while (waiting.length > 0 && !abandoned) {
      const began = performance.now()
      await store(takeBatch())
      if (!abandoned) await gather(gatherMilliseconds - (performance.now() - began))
    }
    working = null
  }

  async function gather(milliseconds: number): Promise<void> {
    if (milliseconds <= 0 || hurried || isFull()) return
    hurry = new AbortController()
    await wait(milliseconds, undefined, { signal: hurry.signal }).catch(() => undefined)
  }

  function takeBatch(): readonly Waiting[] {
    let count = 0
    let taken = 0
    while (count < waiting.length && taken < fullBatch.changes) {
      taken += waiting[count]!.transaction.changes.length
      count += 1
    }
    inHand = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return inHand
  }

  async function store(batch: readonly Waiting[]): Promise<void> {
    await consumer.handle(batch.map(({ transaction }) => transaction))
    for (const { transaction } of batch) {
      bytes -= transaction.bytes
      changes -= transaction.changes.length
    }
    stored = batch.at(-1)!.transaction.end
    inHand = []
    onStored()
    release(batch)
  }

  function release(batch: readonly Waiting[]): void {
    drained = drained.filter((waiter) => {
      if (!waiter.at || !batch.includes(waiter.at)) return true
      waiter.resolve()
      return false
    })
    hurried = drained.length > 0
  }

  function fail(error: unknown): void {
    working = null
    if (abandoned) return
    abandoned = true
    for (const waiter of drained) waiter.reject(error)
    drained = []
    onFailure(error)
  }

  return {
    push,
    pendingBytes: () => bytes,
    pending: () => waiting.length + inHand.length,
    age: () => {
      const oldest = inHand[0] ?? waiting[0]
      return oldest ? performance.now() - oldest.arrived : 0
    },
    stored: () => stored,
    drain: () => {
      const last = waiting.at(-1) ?? inHand.at(-1)
      if (!last) return Promise.resolve()
      if (abandoned) return Promise.reject(new Error('The stream was let go of'))
      hurried = true
      hurry.abort()
      return new Promise((resolve, reject) => drained.push({ at: last, resolve, reject }))
    },
    abandon: async () => {
      abandoned = true
      hurry.abort()
      await working
      for (const waiter of drained) waiter.reject(new Error('The stream was let go of'))
      drained = []
    },
  }
}
