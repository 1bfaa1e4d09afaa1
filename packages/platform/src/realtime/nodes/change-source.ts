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
  push(transaction: CommittedTransaction): void
  broken(): void
}

/** The stream of changes as this node gets it: from its own tail while it holds it, else from the node that does. */
export interface ChangeSource {
  start(): Promise<void>
  /** Resolves when everything that commits from now on will reach this node. Fails with `stream_not_ready`. */
  armed(): Promise<void>
  /** Lets something come by in the stream when nothing else is being written. */
  nudge(): void
  stop(): Promise<void>
}

/** How long a channel waits for the stream before it is told to come again, milliseconds. */
const patience = 5_000

export function createChangeSource(options: ChangeSourceOptions): ChangeSource {
  const { feed, relay, log } = options
  const marks = new Map<string, () => void>()
  let seen: string | null = null
  let published: string | null = null
  /** True from the moment that a mark came by until the stream breaks off. */
  let isArmed = false
  let arming: Promise<void> | null = null
  let unsubscribe: (() => void) | undefined

  function take(transaction: CommittedTransaction): void {
    if (seen !== null && comparePositions(transaction.position, seen) <= 0) return
    seen = transaction.position
    options.push(transaction)
    for (const { prefix, content } of transaction.messages) {
      if (prefix === markMessagePrefix) marks.get(content.toString())?.()
    }
  }

  /** A node that begins in the middle has nothing to compare with; afterwards each follows the one before. */
  function takeRelayed(transaction: CommittedTransaction, previous: string | null): void {
    if (feed.holds()) return
    const isNew = seen === null || comparePositions(transaction.position, seen) > 0
    if (isNew && seen !== null && previous !== seen) lost()
    take(transaction)
  }

  function lost(): void {
    isArmed = false
    options.broken()
  }

  async function arm(): Promise<void> {
    const mark = await feed.writeMark()
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
        handle: (transaction) => {
          relay?.publish(transaction, published)
          published = transaction.position
          take(transaction)
        },
        holding: () => {
          // Another holder begins with what was stored last; marks tell when this node is up to date again.
          isArmed = false
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
    nudge: () => {
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
