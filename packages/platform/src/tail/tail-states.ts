import type { TailHealth } from './tail.ts'

/** Where a tail is between two attempts to hold the stream. */
export interface TailStanding {
  readonly state: TailHealth['state']
  /** Attempts that failed, one after the other. */
  readonly failures: number
  /** Attempts that met another connection, one after the other. */
  readonly turnedAway: number
  /** True once this process has held the stream. */
  readonly hasHeld: boolean
  /** Why the state is `broken`. */
  readonly problem: string | null
}

/** What an attempt to hold the stream came to. */
export type Attempt =
  /** Another connection holds the stream, or prepares it. */
  | { readonly kind: 'turned away' }
  /** The stream could not be taken, or was lost after it was held for so many milliseconds. */
  | { readonly kind: 'failed'; readonly problem: string; readonly heldMilliseconds: number }
  /** It was held and let go of on purpose, to be taken again with other consumers. */
  | { readonly kind: 'let go' }

export const newStanding: TailStanding = {
  state: 'stopped',
  failures: 0,
  turnedAway: 0,
  hasHeld: false,
  problem: null,
}

/** So often a connection of our own that was lost may still have the slot; then it is another node's. */
const patience = 10
/** A stream that was held for so long has recovered: the next failure is the first again. */
const recoveredMilliseconds = 30_000

/**
 * | before | attempt | after |
 * |---|---|---|
 * | never held | turned away | standby |
 * | held before | turned away, up to ten times | starting |
 * | held before | turned away more often | standby |
 * | any | failed within 30 s | broken, one failure more |
 * | any | failed after 30 s | broken, the first failure |
 * | any | let go | starting |
 */
export function afterAttempt(before: TailStanding, attempt: Attempt): TailStanding {
  switch (attempt.kind) {
    case 'turned away': {
      const turnedAway = before.turnedAway + 1
      const isElsewhere = before.state === 'standby' || !before.hasHeld || turnedAway > patience
      return {
        ...before,
        state: isElsewhere ? 'standby' : 'starting',
        turnedAway,
        failures: 0,
        problem: null,
      }
    }
    case 'failed': {
      const failures = attempt.heldMilliseconds >= recoveredMilliseconds ? 1 : before.failures + 1
      return { ...before, state: 'broken', failures, turnedAway: 0, problem: attempt.problem }
    }
    case 'let go':
      return { ...before, state: 'starting', failures: 0, turnedAway: 0, problem: null }
  }
}

const pauses = { standby: 500, starting: 100, first: 100, most: 5_000 }

/** Milliseconds until the next attempt. */
export function pauseBefore({ state, failures }: TailStanding): number {
  if (state === 'broken') return Math.min(pauses.first * 2 ** (failures - 1), pauses.most)
  return state === 'standby' ? pauses.standby : pauses.starting
}
