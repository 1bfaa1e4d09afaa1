/** Something that is to be done at an instant of the simulator's clock, or of a test clock. */
export interface Timer {
  readonly task: string
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** The test clock that has to reach the instant; null for the simulator's own. */
  readonly clock: string | null
}

export interface Timers {
  /** Plans a task for a subject, in place of the one that was planned before. */
  plan(timer: Timer): void
  cancel(task: string, subject: string): void
  /** When the next is due on a clock. */
  next(clock: string | null): number | undefined
  /** Does what is due on a clock up to an instant, the earliest first, also what is planned meanwhile. */
  runDue(clock: string | null, until: number, run: (timer: Timer) => void): void
}

/** What is planned for one instant runs in the order in which it was planned. */
export function createTimers(state: { timers: Timer[] }): Timers {
  const earliest = (clock: string | null) =>
    state.timers
      .filter((timer) => timer.clock === clock)
      .reduce<Timer | undefined>((first, timer) => (first && first.at <= timer.at ? first : timer), undefined)
  const cancel = (task: string, subject: string) => {
    state.timers = state.timers.filter((timer) => timer.task !== task || timer.subject !== subject)
  }
  return {
    plan: (timer) => {
      cancel(timer.task, timer.subject)
      state.timers.push(timer)
    },
    cancel,
    next: (clock) => earliest(clock)?.at,
    runDue: (clock, until, run) => {
      for (;;) {
        const timer = earliest(clock)
        if (!timer || timer.at > until) return
        state.timers = state.timers.filter((each) => each !== timer)
        run(timer)
      }
    },
  }
}
