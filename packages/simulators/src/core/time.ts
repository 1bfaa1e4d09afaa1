import type { Clock } from '@plinth/platform/kernel'

/** The clock of a simulator: follows another clock, and can be moved ahead of it. */
export interface SimulatedTime extends Clock {
  /** The present in whole seconds, as both providers write it. */
  seconds(): number
  /** Runs `work`, which does not wait for anything, as if it were that instant. */
  at<T>(instant: number, work: () => T): T
  /** Moves the clock by milliseconds, which may not be negative. */
  skip(milliseconds: number): void
}

/** Instants are milliseconds since 1970. `state.ahead` says by how many the clock is ahead of `base`. */
export function createSimulatedTime(base: Clock, state: { ahead: number }): SimulatedTime {
  let pretended: number | undefined
  const present = () => pretended ?? base.now().getTime() + state.ahead
  return {
    now: () => new Date(present()),
    seconds: () => Math.floor(present() / 1000),
    at: (instant, work) => {
      const before = pretended
      pretended = instant
      try {
        return work()
      } finally {
        pretended = before
      }
    },
    skip: (milliseconds) => {
      if (!(milliseconds >= 0)) throw new RangeError('A clock only goes forward.')
      state.ahead += milliseconds
    },
  }
}
