/** How attempts at a message are repeated. */
export interface BackOff {
  /** Attempts in all, the first included. */
  readonly attempts: number
  /** Pause after the first failure, in milliseconds; each further one is five times as long. */
  readonly firstPause: number
}

const growth = 5
/** Of a pause, up or down, so that what failed together does not come back together. */
const jitter = 0.2
const longestPause = 6 * 3_600_000

/**
 * The pause after the n-th failure in milliseconds; undefined when there is no further attempt. `random` is from 0 to 1.
 */
export function pauseAfter(
  failures: number,
  { attempts, firstPause }: BackOff,
  random = Math.random(),
): number | undefined {
  if (failures >= attempts) return undefined
  const pause = Math.min(firstPause * growth ** (failures - 1), longestPause)
  return Math.round(pause * (1 - jitter + 2 * jitter * random))
}
