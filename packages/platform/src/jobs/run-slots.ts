import type { WorkerEvents } from 'graphile-worker'
import type { JobDefinition } from './define-job.ts'

/** Most runs of one kind at the same time on a node, when the definition does not say. */
const defaultConcurrency = 2

/** How many runs of each kind are under way on this node. */
export interface RunSlots {
  /** Runs of all kinds that may be under way at the same time. */
  readonly total: number
  /**
   * Kinds that may not start another run now: the queue leaves their jobs where they are. Workers look for a job one
   * after the other: two that look at once would both take the last place of a kind.
   */
  full(): Promise<string[]>
  /** Learns from the queue which jobs were taken. */
  follow(events: WorkerEvents): void
  /** Runs `work`, whose job was taken, and gives its place back. */
  within<T>(kind: string, work: () => Promise<T>): Promise<T>
}

/**
 * Concurrency is a property of a kind of job: there are as many workers as all kinds together may have runs, so that no
 * kind, however slow, takes a place of another.
 */
export function createRunSlots(jobs: readonly JobDefinition[]): RunSlots {
  const limits = new Map(jobs.map(({ name, concurrency = defaultConcurrency }) => [name, concurrency]))
  const running = new Map<string, number>()
  const countOf = (kind: string) => running.get(kind) ?? 0
  const change = (kind: string, by: number) => running.set(kind, countOf(kind) + by)
  const turns: (() => void)[] = []
  let looking = false

  async function takeTurn(): Promise<void> {
    if (!looking) {
      looking = true
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    turns.push(resolve)
    await promise
  }

  /** The turn passes to the next worker without being free in between. */
  function endTurn(): void {
    const next = turns.shift()
    if (next) next()
    else looking = false
  }

  return {
    total: Math.max(
      1,
      [...limits.values()].reduce((sum, limit) => sum + limit, 0),
    ),
    full: async () => {
      await takeTurn()
      return [...limits].filter(([kind, limit]) => countOf(kind) >= limit).map(([kind]) => kind)
    },
    follow: (events) => {
      events.on('job:start', ({ job }) => {
        change(job.task_identifier, 1)
        endTurn()
      })
      events.on('worker:getJob:empty', endTurn)
      events.on('worker:getJob:error', endTurn)
    },
    within: async (kind, work) => {
      try {
        return await work()
      } finally {
        change(kind, -1)
      }
    },
  }
}
