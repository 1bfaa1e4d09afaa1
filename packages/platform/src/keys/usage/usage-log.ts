import { type ProjectDatabase, sql, type Transaction } from '../../database/index.ts'
import { type Clock, type Log, messageOf } from '../../kernel/index.ts'

/** One call by a key. */
export interface KeyCall {
  readonly keyId: string
  readonly tenant: string | null
  readonly method: string
  readonly path: string
  readonly status: number
  readonly milliseconds: number
  readonly address: string
  /** False when it was over the limit. */
  readonly counted: boolean
}

/** Writes calls a moment after they were answered, many in one transaction. */
export interface UsageLog {
  note(call: KeyCall): void
  /** Writes what waits; what cannot be written is tried again with the next. */
  flush(): Promise<void>
  start(): void
  close(): Promise<void>
}

export interface UsageLogOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds between two writes. Default 1,000. */
  readonly pause?: number
}

/** Calls that wait in memory at most, while the database does not take them; more are not logged one by one, only counted. */
const mostWaiting = 20_000
const longestPath = 500

interface Sums {
  readonly keyId: string
  readonly hour: string
  calls: number
  limited: number
  failed: number
  milliseconds: number
}

export function createUsageLog({ database, clock, log, pause = 1_000 }: UsageLogOptions): UsageLog {
  let waiting: (KeyCall & { readonly at: Date })[] = []
  let sums = new Map<string, Sums>()
  let unlogged = 0
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function note(call: KeyCall): void {
    const at = clock.now()
    if (waiting.length < mostWaiting) waiting.push({ ...call, path: call.path.slice(0, longestPath), at })
    else unlogged += 1
    const hour = `${at.toISOString().slice(0, 13)}:00:00Z`
    const id = `${call.keyId} ${hour}`
    const sum = sums.get(id) ?? { keyId: call.keyId, hour, calls: 0, limited: 0, failed: 0, milliseconds: 0 }
    sums.set(id, sum)
    if (!call.counted) sum.limited += 1
    else {
      sum.calls += 1
      sum.milliseconds += Math.round(call.milliseconds)
      if (call.status >= 400) sum.failed += 1
    }
  }

  async function write(): Promise<void> {
    const calls = waiting
    const counts = sums
    if (counts.size === 0) return
    waiting = []
    sums = new Map()
    if (unlogged > 0) log.warn({ unlogged }, 'calls of API keys were counted and not logged one by one')
    unlogged = 0
    try {
      await database.transactionAsOwner(async (transaction) => {
        await writeSums(transaction, [...counts.values()])
        await writeCalls(transaction, calls)
        await writeLastUse(transaction, calls)
      })
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'calls of API keys could not be written and are kept')
      takeBack(calls, counts)
    }
  }

  function takeBack(calls: typeof waiting, counts: typeof sums): void {
    const room = mostWaiting - waiting.length
    waiting = [...calls.slice(0, room), ...waiting]
    unlogged += Math.max(0, calls.length - room)
    for (const [id, sum] of counts) {
      const newer = sums.get(id)
      sums.set(id, newer ? add(sum, newer) : sum)
    }
  }

  const flush = async (): Promise<void> => {
    await writing
    writing = write().finally(() => {
      writing = undefined
    })
    await writing
  }

  return {
    note,
    flush,
    start: () => {
      timer ??= setInterval(() => void flush(), pause)
      timer.unref()
    },
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

const add = (a: Sums, b: Sums): Sums => ({
  ...a,
  calls: a.calls + b.calls,
  limited: a.limited + b.limited,
  failed: a.failed + b.failed,
  milliseconds: a.milliseconds + b.milliseconds,
})

/** In one order, so that two nodes never wait for each other. */
async function writeSums(transaction: Transaction, sums: readonly Sums[]): Promise<void> {
  const given = JSON.stringify(sums)
  await transaction.query(sql`
    insert into plinth.key_hours as h (key_id, hour, calls, limited, failed, milliseconds)
    select "keyId", hour, calls, limited, failed, milliseconds
    from json_to_recordset(${given}::json) s ("keyId" uuid, hour timestamptz, calls bigint, limited bigint, failed bigint, milliseconds bigint)
    order by "keyId", hour
    on conflict (key_id, hour) do update set calls = h.calls + excluded.calls, limited = h.limited + excluded.limited,
      failed = h.failed + excluded.failed, milliseconds = h.milliseconds + excluded.milliseconds`)
  await transaction.query(sql`
    insert into plinth.key_days as d (key_id, day, calls, limited, failed, milliseconds)
    select "keyId", (hour at time zone 'UTC')::date, sum(calls), sum(limited), sum(failed), sum(milliseconds)
    from json_to_recordset(${given}::json) s ("keyId" uuid, hour timestamptz, calls bigint, limited bigint, failed bigint, milliseconds bigint)
    group by 1, 2 order by 1, 2
    on conflict (key_id, day) do update set calls = d.calls + excluded.calls, limited = d.limited + excluded.limited,
      failed = d.failed + excluded.failed, milliseconds = d.milliseconds + excluded.milliseconds`)
}

async function writeCalls(
  transaction: Transaction,
  calls: readonly (KeyCall & { readonly at: Date })[],
): Promise<void> {
  if (calls.length === 0) return
  // A key that is gone by now may be one that a log with a foreign key does not take.
  await transaction.query(sql`
    insert into plinth.key_usage (key_id, tenant, method, path, status, milliseconds, address, at)
    select k.id, k.tenant, c.method, c.path, c.status, c.milliseconds::int, c.address, c.at
    from json_to_recordset(${JSON.stringify(calls)}::json)
      c ("keyId" uuid, method text, path text, status int, milliseconds numeric, address text, at timestamptz)
    join plinth.keys k on k.id = c."keyId"`)
}

/** Once a minute at most: the time of the last call is no reason to write a row for each. */
async function writeLastUse(
  transaction: Transaction,
  calls: readonly (KeyCall & { readonly at: Date })[],
): Promise<void> {
  const last = new Map(calls.map(({ keyId, at }) => [keyId, at]))
  await transaction.query(sql`
    with due as (
      select k.id, u.at from unnest(${[...last.keys()]}::uuid[], ${[...last.values()]}::timestamptz[]) u (id, at)
      join plinth.keys k on k.id = u.id
      where k.last_used_at is null or k.last_used_at < u.at - interval '1 minute'
      order by k.id for no key update of k
    )
    update plinth.keys k set last_used_at = due.at from due where k.id = due.id`)
}
