/** What came of counting one call. */
export interface Taken {
  readonly allowed: boolean
  /** Calls that are still free now. */
  readonly remaining: number
  /** Seconds until the next one gets free; 1 at the least. */
  readonly seconds: number
}

/**
 * Calls of the last window, by small slices of it: in no stretch of time as long as the window are there more than the
 * limit, and a refused call is not counted. A call gets free again when its whole slice is older than the window.
 */
export interface SlidingWindow {
  take(key: string, limit: number, now: number): Taken
}

/** Slices that have calls, oldest first. */
interface Counted {
  slices: number[]
  calls: number[]
  total: number
}

/** How many slices a window has: an hour's are ten seconds long. */
export const slicesOfWindow = 360

/** `windowMilliseconds` is a multiple of {@link slicesOfWindow}; `most` keys are counted, the longest unused go first. */
export function createSlidingWindow(
  windowMilliseconds: number,
  makeStore: () => { get(key: string): Counted | undefined; set(key: string, counted: Counted): unknown },
): SlidingWindow {
  const sliceMilliseconds = windowMilliseconds / slicesOfWindow
  const store = makeStore()
  return {
    take: (key, limit, now) => {
      const slice = Math.floor(now / sliceMilliseconds)
      const counted = store.get(key) ?? { slices: [], calls: [], total: 0 }
      store.set(key, counted)
      dropOld(counted, slice)
      const allowed = counted.total < limit
      if (allowed) count(counted, slice)
      const first = counted.slices[0] ?? slice
      const frees = (first + slicesOfWindow + 1) * sliceMilliseconds
      return {
        allowed,
        remaining: Math.max(0, limit - counted.total),
        seconds: Math.max(1, Math.ceil((frees - now) / 1000)),
      }
    },
  }
}

function dropOld(counted: Counted, slice: number): void {
  let gone = 0
  while (gone < counted.slices.length && counted.slices[gone]! < slice - slicesOfWindow) {
    counted.total -= counted.calls[gone]!
    gone += 1
  }
  if (gone === 0) return
  counted.slices.splice(0, gone)
  counted.calls.splice(0, gone)
}

function count(counted: Counted, slice: number): void {
  const last = counted.slices.length - 1
  if (counted.slices[last] === slice) counted.calls[last]! += 1
  else {
    counted.slices.push(slice)
    counted.calls.push(1)
  }
  counted.total += 1
}
