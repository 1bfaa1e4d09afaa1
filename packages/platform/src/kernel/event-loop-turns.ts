/** Work without a turn of the event loop, milliseconds. */
const turnMilliseconds = 4

/** For loops over many rows: `if (turns.isDue()) await turns.take()` in every step. */
export interface EventLoopTurns {
  /** True when the steps since the last turn have taken a few milliseconds. */
  isDue(): boolean
  /** Lets everything else that waits have its turn. */
  take(): Promise<void>
}

export function createTurns(): EventLoopTurns {
  let began = performance.now()
  return {
    isDue: () => performance.now() - began >= turnMilliseconds,
    take: () =>
      new Promise((resolve) => {
        setImmediate(() => {
          began = performance.now()
          resolve()
        })
      }),
  }
}
