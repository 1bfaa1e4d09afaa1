import type { Clock } from '@plinth/platform/kernel'

/** The clock of a simulator: follows another clock, and can be moved ahead of it. */
export interface SimulatedTime extends Clock {
  /** The present in whole seconds, as both providers write it. */
  seconds(): number
  /** The present of the simulator's own clock, whatever test clock is being looked at. Milliseconds. */
  own(): number
  /** Runs `work`, which does not wait for anything, as if it were that instant. */
  at<T>(instant: number, work: () => T): T
  /** The same for a test clock: the simulator's own stays where it is. */
  onTestClock<T>(instant: number, work: () => T): T
  /** Moves the clock by milliseconds, which may not be negative. */
  skip(milliseconds: number): void
}

/** Instants are milliseconds since 1970. `state.ahead` says by how many the clock is ahead of `base`. */
export function createSimulatedTime(base: Clock, state: { ahead: number }): SimulatedTime {
  let ownInstant: number | undefined
  let testInstant: number | undefined
  const own = () => ownInstant ?? base.now().getTime() + state.ahead
  const present = () => testInstant ?? own()
  return {
    now: () => new Date(present()),
    seconds: () => Math.floor(present() / 1000),
    own,
    at: (instant, work) => {
      const before = ownInstant
      ownInstant = instant
      try {
        return work()
      } finally {
        ownInstant = before
      }
    },
    onTestClock: (instant, work) => {
      const before = testInstant
      testInstant = instant
      try {
        return work()
      } finally {
        testInstant = before
      }
    },
    skip: (milliseconds) => {
      if (!(milliseconds >= 0)) throw new RangeError('A clock only goes forward.')
      state.ahead += milliseconds
    },
  }
}
