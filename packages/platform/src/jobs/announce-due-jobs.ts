import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Log, messageOf } from '../kernel/index.ts'

/** A job may be late by so many milliseconds. */
const interval = 1_000
/** Workers that are woken at a time; each looks for another job when it has done one. */
const mostWoken = 10

/**
 * Wakes workers for jobs whose `run_at` comes: the queue announces a job when it is added, and not when it comes due. Workers also
 * ask by themselves, but all of them start at the same moment and so ask at the same moment, minutes apart where there are many.
 */
export function announceDueJobs(database: ProjectDatabase, log: Log): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let since: string | null = null
  const look = async () => {
    try {
      since = await announce(database, since)
    } catch (error) {
      log.debug({ problem: messageOf(error) }, 'due jobs were not announced; they are a second later')
    }
    if (!stopped) timer = setTimeout(() => void look(), interval)
  }
  void look()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Announces what came due after an instant, and gives the instant up to which that is said. */
async function announce(database: ProjectDatabase, since: string | null): Promise<string> {
  const { rows } = await database.asOwner<{ until: string }>(sql`
    with due as (
      select count(*) as count from graphile_worker._private_jobs
      where is_available and run_at <= now() and run_at > coalesce(${since}::timestamptz, now() - interval '1 minute')
    )
    select now()::text as until,
      case when count > 0 then pg_notify('jobs:insert', json_build_object('r', random(), 'count', least(count, ${mostWoken}))::text) end
    from due`)
  return rows[0]!.until
}
