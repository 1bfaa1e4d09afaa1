import { type ProjectDatabase, sql } from '../../database/index.ts'
import { type Clock, type Log, messageOf } from '../../kernel/index.ts'

/** Counts the bytes that a project serves. */
export interface TrafficCounter {
  /** `user`: who asked; null for nobody who is signed in. */
  count(bucket: string, user: string | null, bytes: number): void
  /** Writes down what was counted since the last time. */
  flush(): Promise<void>
  /** Writes down what was counted every few seconds. */
  start(): void
  stop(): Promise<void>
}

interface Count {
  requests: number
  bytes: number
}

/** A crash loses what was counted in this time. Milliseconds. */
const interval = 10_000
/** More than this many buckets and users are written down at once. */
const most = 1_000

export function createTrafficCounter(database: ProjectDatabase, clock: Clock, log: Log): TrafficCounter {
  let counts = new Map<string, Count>()
  let timer: NodeJS.Timeout | undefined
  const flush = async () => {
    if (counts.size === 0) return
    const taken = counts
    counts = new Map()
    const rows = [...taken].map(([key, count]) => {
      const [day, bucket, user] = JSON.parse(key) as string[]
      return { day, bucket, user, ...count }
    })
    await database.asOwner(sql`
      insert into plinth.storage_traffic as t (day, bucket_id, user_id, requests, bytes)
      select day, bucket, "user", requests, bytes
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) r (day date, bucket text, "user" text, requests bigint, bytes bigint)
      order by day, bucket, "user"
      on conflict (day, bucket_id, user_id) do update
        set requests = t.requests + excluded.requests, bytes = t.bytes + excluded.bytes`)
  }
  const flushSafely = () =>
    flush().catch((error: unknown) =>
      log.warn({ problem: messageOf(error) }, 'served bytes were not counted'),
    )
  return {
    count: (bucket, user, bytes) => {
      const key = JSON.stringify([clock.now().toISOString().slice(0, 10), bucket, user ?? ''])
      const count = counts.get(key) ?? { requests: 0, bytes: 0 }
      count.requests += 1
      count.bytes += bytes
      counts.set(key, count)
      if (counts.size > most) void flushSafely()
    },
    flush,
    start: () => {
      timer = setInterval(() => void flushSafely(), interval)
      timer.unref()
    },
    stop: async () => {
      clearInterval(timer)
      await flushSafely()
    },
  }
}
