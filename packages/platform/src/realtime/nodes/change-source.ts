import type { Log } from '../../kernel/index.ts'
import { comparePositions, markMessagePrefix, type TransactionChunk } from '../../tail/index.ts'
import type { ChangeFeed } from '../change-feed.ts'
import { realtimeErrors } from '../errors.ts'
import type { StreamPlace, StreamRelay } from './stream-relay.ts'

export interface ChangeSourceOptions {
  readonly feed: ChangeFeed
  /** Undefined on a node that is alone. */
  readonly relay: StreamRelay | undefined
  readonly log: Log
  /** How long a channel waits for the stream before it is told to come again, milliseconds. Default 5,000. */
  readonly patience?: number
  push(chunk: TransactionChunk): void
  broken(): void
}

/** The stream of changes as this node gets it: from its own tail while it holds it, else from the node that does. */
export interface ChangeSource {
  start(): Promise<void>
  /** Resolves when everything that commits from now on will reach this node. Fails with `stream_not_ready`. */
  armed(): Promise<void>
  /** Lets something come by in the stream when nothing else is being written. */
  wake(): void
  stop(): Promise<void>
}

const defaultPatience = 5_000
const rememberedMarks = 100

export function createChangeSource(options: ChangeSourceOptions): ChangeSource {
  const { feed, relay, log, patience = defaultPatience } = options
  const marks = new Map<string, () => void>()
  const passed: string[] = []
  let seen: StreamPlace | null = null
  /** True from taking the stream over until its first chunk shows whether it joins what was seen before. */
  let isTakenOver = false
  /** True from the moment that a mark came by until the stream breaks off. */
  let isArmed = false
  let arming: Promise<void> | null = null
  let unsubscribe: (() => void) | undefined

  /** True for what was not seen yet: what comes after the last seen chunk. */
  const isNew = (chunk: TransactionChunk): boolean => seen === null || comparePlaces(placeOf(chunk), seen) > 0

  function take(chunk: TransactionChunk): void {
    seen = placeOf(chunk)
    options.push(chunk)
    for (const { prefix, content } of chunk.messages) {
      if (prefix === markMessagePrefix) passMark(content.toString())
    }
  }

  /** A mark may come by before the statement that wrote it has been answered. */
  function passMark(mark: string): void {
    passed.unshift(mark)
    passed.length = Math.min(passed.length, rememberedMarks)
    marks.get(mark)?.()
  }

  /** A node that begins in the middle has nothing to compare with; afterwards each chunk follows the one before. */
  function takeRelayed(chunk: TransactionChunk, previous: StreamPlace | null): void {
    if (feed.holds() || !isNew(chunk)) return
    if (seen !== null && (previous === null || comparePlaces(previous, seen) !== 0)) lost()
    take(chunk)
  }

  /**
   * The stream that this node holds. After a take-over, a repetition proves that nothing lies between what the other
   * holder has relayed and what comes now; without one it is not known, and clients start over.
   */
  function takeOwn(chunk: TransactionChunk): void {
    const isCertain = !isTakenOver || !isNew(chunk)
    isTakenOver = false
    if (!isNew(chunk)) return
    if (!isCertain && seen !== null) lost()
    relay?.publish(chunk, isCertain ? seen : null)
    take(chunk)
  }

  function lost(): void {
    isArmed = false
    options.broken()
  }

  async function arm(): Promise<void> {
    const mark = await feed.writeMark()
    if (passed.includes(mark)) {
      isArmed = true
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(realtimeErrors.stream_not_ready()), patience)
    marks.set(mark, resolve)
    try {
      await promise
      isArmed = true
    } finally {
      clearTimeout(timer)
      marks.delete(mark)
    }
  }

  return {
    start: async () => {
      await relay?.start(takeRelayed, lost)
      unsubscribe = feed.subscribe({
        name: 'realtime',
        handle: takeOwn,
        holding: (held) => {
          // Another holder begins with what was stored last; marks tell when this node is up to date again.
          isArmed = false
          isTakenOver = held && relay !== undefined
        },
        missed: ({ reason }) => {
          log.info({ reason }, 'realtime starts over')
          lost()
        },
      })
    },
    armed: () => {
      if (feed.isOff) return Promise.reject(realtimeErrors.changes_off())
      if (isArmed) return Promise.resolve()
      if (!relay && !feed.holds()) return waitForHold()
      arming ??= arm().finally(() => {
        arming = null
      })
      return arming
    },
    wake: () => {
      feed.writeMark().catch(() => undefined)
    },
    stop: async () => {
      unsubscribe?.()
      await relay?.stop()
    },
  }

  /** A tail that is only starting is worth a moment of waiting. */
  async function waitForHold(): Promise<void> {
    const deadline = performance.now() + patience
    while (!feed.holds()) {
      if (performance.now() > deadline) throw realtimeErrors.stream_not_ready()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    arming ??= arm().finally(() => {
      arming = null
    })
    await arming
  }
}

const placeOf = ({ transaction, index }: TransactionChunk): StreamPlace => [transaction.position, index]

const comparePlaces = (a: StreamPlace, b: StreamPlace): number => comparePositions(a[0], b[0]) || a[1] - b[1]
