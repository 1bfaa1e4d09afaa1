import { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import type { Clock, Log } from '../../kernel/index.ts'
import { createSlidingWindow, slicesOfWindow, type Taken } from './sliding-window.ts'

/** Counts the calls of keys. */
export interface CallLimits {
  /** Counts one call where it is within `limit` calls an hour; a call beyond it is not counted. */
  take(key: string, limit: number): Promise<Taken>
  close(): Promise<void>
}

export interface CallLimitsOptions {
  /** Nodes count together there. Undefined: this process counts, and begins anew when it starts. */
  readonly redisUrl: string | undefined
  /** Keys are ids of one project; this tells projects apart. */
  readonly system: string
  readonly clock: Clock
  readonly log: Log
}

export const windowSeconds = 3_600
const windowMilliseconds = windowSeconds * 1000
const sliceMilliseconds = windowMilliseconds / slicesOfWindow
/** How long Redis may take for one count before this process counts by itself. Milliseconds. */
const patience = 200

/**
 * The window of `sliding-window.ts` in Redis, by Redis's own clock. Fields: calls by slice, `t` their sum, `o` the oldest
 * slice. One script is one step: whatever asks at the same time, on whichever node, is counted one after the other.
 */
const script = `
local now = redis.call('TIME')
local slice = math.floor((now[1] * 1000 + now[2] / 1000) / ${sliceMilliseconds})
local total = tonumber(redis.call('HGET', KEYS[1], 't') or '0')
local oldest = tonumber(redis.call('HGET', KEYS[1], 'o') or slice)
while oldest < slice - ${slicesOfWindow} and total > 0 do
  local calls = redis.call('HGET', KEYS[1], oldest)
  if calls then
    total = total - tonumber(calls)
    redis.call('HDEL', KEYS[1], oldest)
  end
  oldest = oldest + 1
end
if total == 0 then oldest = slice end
local allowed = math.max(0, math.min(tonumber(ARGV[2]), tonumber(ARGV[1]) - total))
if allowed > 0 then
  total = total + allowed
  redis.call('HINCRBY', KEYS[1], slice, allowed)
  redis.call('PEXPIRE', KEYS[1], ${windowMilliseconds + 2 * sliceMilliseconds})
end
redis.call('HSET', KEYS[1], 't', total, 'o', oldest)
if total == 0 then redis.call('DEL', KEYS[1]) end
local frees = (oldest + ${slicesOfWindow + 1}) * ${sliceMilliseconds} - (now[1] * 1000 + now[2] / 1000)
return {allowed, total, math.ceil(frees / 1000)}`

/**
 * Opens the limits of a project's keys. While Redis does not answer, every node counts in its own memory: no request
 * waits or fails for it.
 */
export function createCallLimits({ redisUrl, system, clock, log }: CallLimitsOptions): CallLimits {
  const now = neverBack(clock)
  const own = createSlidingWindow(windowMilliseconds, () => new LRUCache({ max: 100_000 }))
  const takeOwn = (key: string, limit: number) => own.take(key, limit, now())
  if (redisUrl === undefined)
    return { take: async (key, limit) => takeOwn(key, limit), close: async () => undefined }
  const redis = openRedis(redisUrl, log)
  const takeMany = gather(async (key, limit, calls) => {
    const answer = redis.plinthTake(`plinth:calls:${system}:${key}`, limit, calls)
    const [allowed, total, seconds] = await inTime(answer)
    return { allowed: allowed!, remaining: Math.max(0, limit - total!), seconds: Math.max(1, seconds!) }
  })
  return {
    take: async (key, limit) => {
      try {
        return await takeMany(key, limit)
      } catch {
        return takeOwn(key, limit)
      }
    },
    close: async () => redis.disconnect(),
  }
}

interface CountingRedis extends Redis {
  plinthTake(key: string, limit: number, calls: number): Promise<readonly number[]>
}

function openRedis(url: string, log: Log): CountingRedis {
  const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 })
  let isAway = false
  redis.on('error', (error: Error) => {
    if (!isAway) log.warn({ err: error }, 'Redis is away: calls of API keys count on each node for itself')
    isAway = true
  })
  redis.on('ready', () => {
    if (isAway) log.warn('Redis is back: calls of API keys count for all nodes together')
    isAway = false
  })
  redis.defineCommand('plinthTake', { numberOfKeys: 1, lua: script })
  return redis as CountingRedis
}

/** What came of counting several calls at once: the first `allowed` of them are within the limit. */
interface TakenTogether {
  readonly allowed: number
  readonly remaining: number
  readonly seconds: number
}

/**
 * Calls of one key that come while one is being counted are counted together: a rush is a few questions to Redis, and
 * none of them is late because thousands wait before it.
 */
function gather(
  count: (key: string, limit: number, calls: number) => Promise<TakenTogether>,
): (key: string, limit: number) => Promise<Taken> {
  const waiting = new Map<string, PromiseWithResolvers<Taken>[]>()

  async function countAll(id: string, key: string, limit: number): Promise<void> {
    for (;;) {
      const calls = waiting.get(id)!
      if (calls.length === 0) return void waiting.delete(id)
      waiting.set(id, [])
      try {
        const { allowed, ...rest } = await count(key, limit, calls.length)
        for (const [place, call] of calls.entries()) call.resolve({ allowed: place < allowed, ...rest })
      } catch (error) {
        for (const call of calls) call.reject(error)
      }
    }
  }

  return (key, limit) => {
    const id = `${limit} ${key}`
    const call = Promise.withResolvers<Taken>()
    const others = waiting.get(id)
    if (others) others.push(call)
    else {
      waiting.set(id, [call])
      void countAll(id, key, limit)
    }
    return call.promise
  }
}

/** Fails when the answer takes longer than {@link patience}; one that has arrived while this process was busy counts. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const late = () => setImmediate(() => reject(new Error('Redis is late')))
  const timer = setTimeout(late, patience)
  answer.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}

/** Milliseconds of a clock that is set back: time goes on from where it was, so that nobody waits for the past to come again. */
export function neverBack(clock: Clock): () => number {
  let last = Number.NEGATIVE_INFINITY
  let ahead = 0
  return () => {
    const now = clock.now().getTime()
    if (now + ahead < last) ahead = last - now
    last = now + ahead
    return last
  }
}
