import type { Clock } from '@plinth/platform/kernel'

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  set(instant: string | Date): void
  /** Moves forward by milliseconds. */
  advance(milliseconds: number): void
}

export function createFakeClock(start: string | Date = '2026-01-15T12:00:00Z'): FakeClock {
  let present = new Date(start)
  return {
    now: () => new Date(present),
    set: (instant) => {
      present = new Date(instant)
    },
    advance: (milliseconds) => {
      present = new Date(present.getTime() + milliseconds)
    },
  }
}
