import { LRUCache } from 'lru-cache'

/** Counts what may still happen now: refilled steadily, never above the burst. */
export interface Bucket {
  /** Takes one; false when there is none left. */
  take(): boolean
  /** Takes an amount, on credit when there is less. Gives the milliseconds until the debt is paid, 0 without one. */
  spend(amount: number): number
}

export function createBucket(perSecond: number, burst: number, now = () => performance.now()): Bucket {
  let tokens = burst
  let filledAt = now()
  const fill = () => {
    const present = now()
    tokens = Math.min(burst, tokens + ((present - filledAt) / 1000) * perSecond)
    filledAt = present
  }
  return {
    take: () => {
      if (tokens < 1) fill()
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
    spend: (amount) => {
      fill()
      tokens -= amount
      return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1000)
    },
  }
}

/** A bucket for each of many holders: users, addresses. */
export interface Buckets {
  of(holder: string): Bucket
}

/** Holders that are remembered; the one that was quiet for longest is forgotten first. */
const mostHolders = 20_000

export function createBuckets(perSecond: number, burst: number): Buckets {
  const buckets = new LRUCache<string, Bucket>({ max: mostHolders })
  return {
    of: (holder) => {
      const known = buckets.get(holder)
      if (known) return known
      const bucket = createBucket(perSecond, burst)
      buckets.set(holder, bucket)
      return bucket
    },
  }
}
