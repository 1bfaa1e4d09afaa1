/** Runs work a few at a time; the rest waits its turn, and what would wait too long is turned away. */
export interface WaitingLine {
  /** The result of `work` when its turn came. Fails with `refusal()` at once when the line is full. */
  run<T>(work: () => Promise<T>): Promise<T>
}

export interface WaitingLineOptions {
  /** How much runs at once. */
  readonly atOnce: number
  /** How much may wait. */
  readonly places: number
  readonly refusal: () => Error
}

export function createWaitingLine({ atOnce, places, refusal }: WaitingLineOptions): WaitingLine {
  const waiting: (() => void)[] = []
  let running = 0
  return {
    run: async (work) => {
      if (running < atOnce) running += 1
      else if (waiting.length < places) await new Promise<void>((resolve) => waiting.push(resolve))
      else throw refusal()
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running -= 1
      }
    },
  }
}
