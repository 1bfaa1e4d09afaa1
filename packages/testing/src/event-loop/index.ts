/** How the main thread's time is measured while something is asked of it. */
export interface EventLoopWatch {
  /** Milliseconds of CPU time that the longest turn of the event loop took since the last call. */
  longestTurn(): number
  stop(): void
}

/** How often the turns are told apart. Milliseconds. */
const every = 5

/**
 * Watches the thread that calls it. Turns are measured by the thread's own CPU time: on a shared machine wall time also
 * counts what other processes do. Worker threads are not counted: that is where long work belongs.
 */
export function watchEventLoop(): EventLoopWatch {
  let before = cpuTime()
  let longest = 0
  const look = () => {
    const now = cpuTime()
    longest = Math.max(longest, now - before)
    before = now
  }
  const timer = setInterval(look, every)
  timer.unref()
  return {
    longestTurn: () => {
      look()
      const turn = longest
      longest = 0
      return turn
    },
    stop: () => clearInterval(timer),
  }
}

function cpuTime(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
