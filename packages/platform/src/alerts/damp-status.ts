import type { HealthStatus } from '../http/index.ts'

export type Status = HealthStatus['status']

/** A part's status as it counts, and what was seen since that differs. */
export interface DampedStatus {
  readonly status: Status
  /** What was seen last, when it differs. */
  readonly differing: Status | null
  /** How many times in a row something else than the status was seen. */
  readonly times: number
}

/** How many times in a row another status has to be seen before it counts: a worse one, and a better one. */
export interface Damping {
  readonly worse: number
  readonly better: number
}

const severity: Readonly<Record<Status, number>> = { ok: 0, degraded: 1, down: 2 }

/**
 * The status after one more look. A status that was seen once does not count: a part that is well and ill in turns stays
 * what it was.
 */
export function dampStatus(state: DampedStatus | undefined, seen: Status, damping: Damping): DampedStatus {
  if (!state) return { status: seen, differing: null, times: 0 }
  const { status } = state
  if (seen === status) return { status, differing: null, times: 0 }
  const isWorse = severity[seen] > severity[status]
  const wasWorse = state.differing !== null && severity[state.differing] > severity[status]
  // From well to ill in two degrees is one direction; from worse to better another.
  const times = state.differing !== null && wasWorse === isWorse ? state.times + 1 : 1
  const needed = isWorse ? damping.worse : damping.better
  return times >= needed ? { status: seen, differing: null, times: 0 } : { status, differing: seen, times }
}
