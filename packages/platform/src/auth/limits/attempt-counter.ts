import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { AttemptLimit } from '../settings.ts'

/** Counts attempts by key. Port: memory here; Redis or PostgreSQL when several nodes share their counts. */
export interface AttemptCounter {
  /** Counts one attempt; gives 0 when it is within the limit, else the seconds until the window ends. */
  count(key: string): Promise<number>
  /** As {@link count}, without counting: what the next attempt would get. */
  look(key: string): Promise<number>
  /** Starts the key afresh. */
  forget(key: string): Promise<void>
}

export type MakeAttemptCounter = (limit: AttemptLimit) => AttemptCounter

/** Counts in this process; a restart forgets them. */
export const createMemoryCounter: MakeAttemptCounter = ({ attempts, seconds }) => {
  const limiter = new RateLimiterMemory({ points: attempts, duration: seconds })
  return {
    count: async (key) => {
      try {
        await limiter.consume(key)
        return 0
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return secondsLeft(refused)
        throw refused
      }
    },
    look: async (key) => {
      const found = await limiter.get(key)
      return found && found.consumedPoints >= attempts ? secondsLeft(found) : 0
    },
    forget: async (key) => {
      await limiter.delete(key)
    },
  }
}

const secondsLeft = ({ msBeforeNext }: RateLimiterRes): number => Math.max(1, Math.ceil(msBeforeNext / 1000))
