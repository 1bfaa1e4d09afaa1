import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible'
import type { Log } from '../../kernel/index.ts'
import type { CreateLimiter, Limiter } from './limiter.ts'

/** The limits of a server. */
export interface Limiters {
  readonly create: CreateLimiter
  close(): Promise<void>
}

export interface LimitersOptions {
  /** Shares the counts of all nodes. Undefined: each process counts for itself and forgets at its end. */
  readonly redisUrl: string | undefined
  readonly log: Log
}

/** How long Redis may take for one count before this process counts by itself. Milliseconds. */
const patience = 200

/**
 * Opens the limits of a server. While Redis does not answer, every node counts in its own memory: a limit is then the
 * limit of each node, and no request waits or fails for it.
 */
export function createLimiters({ redisUrl, log }: LimitersOptions): Limiters {
  if (redisUrl === undefined) return { create: createMemoryLimiter, close: async () => undefined }
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: patience,
  })
  logOutages(redis, log)
  return {
    create: ({ points, seconds, name }) => {
      const settings = { points, duration: seconds }
      return limiterOf(
        new RateLimiterRedis({
          ...settings,
          storeClient: redis,
          keyPrefix: `plinth:limit:${name}`,
          rejectIfRedisNotReady: true,
          insuranceLimiter: new RateLimiterMemory(settings),
        }),
      )
    },
    close: async () => redis.disconnect(),
  }
}

/** Counts in this process. */
export const createMemoryLimiter: CreateLimiter = ({ points, seconds }) =>
  limiterOf(new RateLimiterMemory({ points, duration: seconds }))

function limiterOf(limiter: RateLimiterAbstract): Limiter {
  return {
    count: async (key) => {
      try {
        await limiter.consume(shorten(key))
        return 0
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return secondsLeft(refused)
        throw refused
      }
    },
    look: async (key) => {
      const found = await limiter.get(shorten(key))
      return found && found.consumedPoints >= limiter.points ? secondsLeft(found) : 0
    },
    forget: async (key) => {
      await limiter.delete(shorten(key))
    },
  }
}

const secondsLeft = ({ msBeforeNext }: RateLimiterRes): number => Math.max(1, Math.ceil(msBeforeNext / 1000))

/** What strangers choose is no way to fill the memory. */
const shorten = (key: string): string =>
  key.length <= 64 ? key : createHash('sha256').update(key).digest('base64url')

/** Once when it goes, once when it is back; an error without a listener would end the process. */
function logOutages(redis: Redis, log: Log): void {
  let isAway = false
  redis.on('error', (error: Error) => {
    if (!isAway) log.warn({ err: error }, 'Redis is away: limits count on each node for itself')
    isAway = true
  })
  redis.on('ready', () => {
    if (isAway) log.warn('Redis is back: limits count for all nodes together')
    isAway = false
  })
}
