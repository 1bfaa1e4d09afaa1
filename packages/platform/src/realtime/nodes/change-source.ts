import type { Log } from '../../kernel/index.ts'
import { type CommittedTransaction, comparePositions, markMessagePrefix } from '../../tail/index.ts'
import type { ChangeFeed } from '../change-feed.ts'
import { realtimeErrors } from '../errors.ts'
import type { StreamRelay } from './stream-relay.ts'

export interface ChangeSourceOptions {
  readonly feed: ChangeFeed
  /** Undefined on a node that is alone. */
  readonly relay: StreamRelay | undefined
  readonly log: Log
  /** How long a channel waits for the stream before it is told to come again, milliseconds. Default 5,000. */
  readonly patience?: number
  push(transaction: CommittedTransaction): void
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
  let seen: string | null = null
  /** True from taking the stream over until its first transaction shows whether it joins what was seen before. */
  let isTakenOver = false
  /** True from the moment that a mark came by until the stream breaks off. */
  let isArmed = false
  let arming: Promise<void> | null = null
  let unsubscribe: (() => void) | undefined

  function take(transaction: CommittedTransaction): void {
    if (seen !== null && comparePositions(transaction.position, seen) <= 0) return
    seen = transaction.position
    options.push(transaction)
    for (const { prefix, content } of transaction.messages) {
      if (prefix === markMessagePrefix) passMark(content.toString())
    }
  }

  /** A mark may come by before the statement that wrote it has been answered. */
  function passMark(mark: string): void {
    passed.unshift(mark)
    passed.length = Math.min(passed.length, rememberedMarks)
    marks.get(mark)?.()
  }

  /** A node that begins in the middle has nothing to compare with; afterwards each follows the one before. */
  function takeRelayed(transaction: CommittedTransaction, previous: string | null): void {
    if (feed.holds()) return
    const isNew = seen === null || comparePositions(transaction.position, seen) > 0
    if (isNew && seen !== null && previous !== seen) lost()
    take(transaction)
  }

  /**
   * The stream that this node holds. After a take-over, a repetition proves that nothing lies between what the other
   * holder has relayed and what comes now; without one it is not known, and clients start over.
   */
  function takeOwn(transaction: CommittedTransaction): void {
    const isNew = seen === null || comparePositions(transaction.position, seen) > 0
    const isCertain = !isTakenOver || !isNew
    isTakenOver = false
    if (!isNew) return
    if (!isCertain && seen !== null) lost()
    relay?.publish(transaction, isCertain ? seen : null)
    take(transaction)
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
