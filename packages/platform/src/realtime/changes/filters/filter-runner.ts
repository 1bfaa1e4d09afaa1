import type { ProjectDatabase } from '../../../database/index.ts'
import { createBuckets } from '../../limits/bucket.ts'
import type { RealtimeLimits } from '../../limits/realtime-limits.ts'
import { type EvaluateRequest, evaluateFilters } from './evaluate-filters.ts'

/** Runs statements that may take long. Payers take turns, and none of them uses more time than its budget. */
export interface FilterRunner {
  /**
   * The picks that pass, for each task. Fails with what the database says; 57014 for what takes longer than one statement
   * may.
   */
  evaluate(payer: string, request: Omit<EvaluateRequest, 'timeout'>): Promise<readonly ReadonlySet<number>[]>
  /** Runs a statement. `payer` is the user or address whose time it takes: while its budget is used up, it waits. */
  run<T>(payer: string, statement: () => Promise<T>): Promise<T>
  stop(): void
}

interface Payer {
  readonly queue: (() => Promise<unknown>)[]
  isRunning: boolean
  /** When its budget allows the next statement, in milliseconds of `performance.now()`. */
  readyAt: number
}

/** Statements at once, of the ten connections that requests have. */
const mostStatements = 2
/** A statement that takes no longer costs nothing: it may have waited for a connection, and turns share those. */
const freeMilliseconds = 25
/** How many seconds' budget may be used at once. */
const burst = 10

export function createFilterRunner(
  database: ProjectDatabase,
  limits: RealtimeLimits['filterMilliseconds'],
): FilterRunner {
  const budgets = createBuckets(limits.user, limits.user * burst)
  /** Who has work, in the order of their turns. */
  const payers = new Map<string, Payer>()
  let running = 0
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  function startNext(): void {
    clearTimeout(timer)
    const now = performance.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const [name, payer] of payers) {
      if (running >= mostStatements || isStopped) return
      if (payer.isRunning || payer.queue.length === 0) continue
      if (payer.readyAt <= now) start(name, payer)
      else soonest = Math.min(soonest, payer.readyAt)
    }
    if (soonest < Number.POSITIVE_INFINITY) timer = setTimeout(startNext, soonest - now + 1).unref()
  }

  function start(name: string, payer: Payer): void {
    payers.delete(name)
    payers.set(name, payer)
    payer.isRunning = true
    running += 1
    const start = performance.now()
    const end = () => {
      running -= 1
      payer.isRunning = false
      const cost = Math.max(0, performance.now() - start - freeMilliseconds)
      payer.readyAt = performance.now() + budgets.of(name).spend(cost)
      if (payer.queue.length === 0) payers.delete(name)
      startNext()
    }
    payer.queue.shift()!().then(end, end)
  }

  function run<T>(name: string, statement: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const readyAt = performance.now() + budgets.of(name).spend(0)
      const payer = payers.get(name) ?? { queue: [], isRunning: false, readyAt }
      payers.set(name, payer)
      payer.queue.push(() => statement().then(resolve, reject))
      startNext()
    })
  }

  return {
    run,
    evaluate: (payer, request) =>
      run(payer, () => evaluateFilters(database, { ...request, timeout: limits.statement })),
    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
