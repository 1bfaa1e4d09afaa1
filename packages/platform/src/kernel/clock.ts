/** Where the present comes from. Code never asks the machine for the time itself, so tests can move it. */
export interface Clock {
  /** The current instant. */
  now(): Date
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => new Date() }
