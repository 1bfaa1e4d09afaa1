import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Clock, messageOf } from '../kernel/index.ts'
import type { CronSchedule, JobDefinition } from './define-job.ts'
import { jobErrors } from './errors.ts'
import { nextTick, ticksToRun } from './ticks.ts'

const defaultAttempts = 5

/** A last tick that lies further ahead than this was queued by a clock that has been set back since. Milliseconds. */
const impossiblyAhead = 3_600_000

/**
 * Tells the database which jobs exist; those that are no longer declared are forgotten, so that nobody queues what no
 * node runs. A schedule that is new or changed counts from now.
 */
export async function declareJobs(
  database: ProjectDatabase,
  jobs: readonly JobDefinition[],
  clock: Clock,
): Promise<void> {
  for (const job of jobs) requireValidSchedule(job, clock)
  const rows = jobs.map(({ name, attempts = defaultAttempts, schedule }) => ({
    name,
    attempts,
    line: schedule?.line ?? null,
    zone: schedule?.zone ?? 'UTC',
  }))
  await database.asOwner(sql`delete from plinth.jobs where name <> all (${rows.map(({ name }) => name)})`)
  await database.asOwner(sql`
    insert into plinth.jobs as known (name, attempts, cron_line, cron_zone, last_tick)
    select name, attempts, line, zone, ${clock.now()}
    from jsonb_to_recordset(${JSON.stringify(rows)}) as job (name text, attempts int, line text, zone text)
    on conflict (name) do update set
      attempts = excluded.attempts,
      cron_line = excluded.cron_line,
      cron_zone = excluded.cron_zone,
      last_tick = case
        when (known.cron_line, known.cron_zone) is not distinct from (excluded.cron_line, excluded.cron_zone)
        then known.last_tick else excluded.last_tick end`)
}

/**
 * Queues every tick that is due, once however many nodes ask at once: the row of the job is locked while its ticks
 * are queued and moves forward in the same transaction. A clock that was set back by less than an hour repeats no tick;
 * one that had been wrong by more starts to count from now. Gives the number of ticks queued.
 */
export async function queueDueTicks(
  database: ProjectDatabase,
  jobs: readonly JobDefinition[],
  clock: Clock,
): Promise<number> {
  let queued = 0
  for (const { name, schedule } of jobs) {
    if (schedule) queued += await queueTicksOf(database, name, schedule, clock)
  }
  return queued
}

async function queueTicksOf(
  database: ProjectDatabase,
  name: string,
  schedule: CronSchedule,
  clock: Clock,
): Promise<number> {
  return database.transactionAsOwner(async (transaction) => {
    const { rows } = await transaction.query<{ last_tick: string }>(
      sql`select last_tick from plinth.jobs where name = ${name} for update`,
    )
    // Not before the row is locked: another node may have moved on meanwhile.
    const now = clock.now()
    const ahead = rows[0] ? new Date(rows[0].last_tick).getTime() - now.getTime() : 0
    const ticks = rows[0] ? ticksToRun(schedule, new Date(rows[0].last_tick), now) : []
    for (const tick of ticks) {
      await transaction.query(
        sql`select plinth.add_job(${name}, '{}', ${tick}, ${`${name} ${tick.toISOString()}`})`,
      )
    }
    await transaction.query(
      sql`update plinth.jobs set last_tick = ${now} where name = ${name} and (last_tick < ${now} or ${ahead > impossiblyAhead})`,
    )
    return ticks.length
  })
}

/** Milliseconds until the next tick of any job; undefined when none has a schedule. */
export function untilNextTick(jobs: readonly JobDefinition[], clock: Clock): number | undefined {
  const now = clock.now()
  const next = jobs.flatMap(({ schedule }) => (schedule ? (nextTick(schedule, now) ?? []) : []))
  if (next.length === 0) return undefined
  return Math.min(...next.map((tick) => tick.getTime())) - now.getTime()
}

function requireValidSchedule({ name, schedule }: JobDefinition, clock: Clock): void {
  if (!schedule) return
  let next: Date | undefined
  try {
    next = nextTick(schedule, clock.now())
  } catch (cause) {
    throw jobErrors.invalid_schedule({ name, problem: messageOf(cause) }, cause)
  }
  if (!next) throw jobErrors.invalid_schedule({ name, problem: 'there is no such day' })
}
