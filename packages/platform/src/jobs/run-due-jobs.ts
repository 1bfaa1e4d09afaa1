import type { JobHelpers } from 'graphile-worker'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { type Clock, type ErrorCatalogue, type Log, messageOf } from '../kernel/index.ts'
import type { JobDefinition } from './define-job.ts'
import { queueJob } from './queue-job.ts'
import { type ExtendJobContext, runJob } from './run-job.ts'
import { queueDueTicks } from './schedule-jobs.ts'

export interface RunDueOptions {
  readonly database: ProjectDatabase
  readonly jobs: readonly JobDefinition[]
  readonly clock: Clock
  readonly log: Log
  readonly extendContext?: ExtendJobContext
  readonly errors?: ErrorCatalogue<string> | undefined
}

/** One attempt at a job. */
export interface RanJob {
  readonly job: string
  /** Why it failed; null when it succeeded. */
  readonly error: string | null
}

interface QueuedJob {
  readonly id: string
  readonly job: string
  readonly payload: unknown
  readonly attempts: number
}

/**
 * Queues what became due by the clock since the jobs were declared ({@link declareJobs}) and runs everything that waits,
 * one after the other, until nothing does; without a runner, with a clock that may stand still. A job that fails is left
 * for a later instant, as the queue would.
 */
export async function runDueJobs(options: RunDueOptions): Promise<RanJob[]> {
  const { database, jobs, clock } = options
  await queueDueTicks(database, jobs, clock)
  const ran: RanJob[] = []
  for (;;) {
    const next = await takeNext(options)
    if (!next) return ran
    ran.push({ job: next.job, error: await attempt(next, options) })
  }
}

async function takeNext({ database, clock }: RunDueOptions): Promise<QueuedJob | undefined> {
  const { rows } = await database.asOwner<QueuedJob>(sql`
    update graphile_worker._private_jobs j set attempts = j.attempts + 1
    from graphile_worker._private_tasks t
    where t.id = j.task_id and j.id = (
      select id from graphile_worker._private_jobs
      where run_at <= greatest(${clock.now()}, now()) and attempts < max_attempts and locked_at is null
      order by run_at, id limit 1)
    returning j.id, t.identifier as job, j.payload, j.attempts`)
  return rows[0]
}

async function attempt(
  { id, job, payload, attempts }: QueuedJob,
  options: RunDueOptions,
): Promise<string | null> {
  const { database, jobs, clock, log, extendContext, errors } = options
  const definition = jobs.find(({ name }) => name === job)
  if (!definition) return `there is no job ${job}`
  const helpers = { job: { id, attempts } } as unknown as JobHelpers
  try {
    await runJob(definition, payload, helpers, {
      database,
      clock,
      log,
      node: 'none',
      stopping: new AbortController().signal,
      queue: (name, given, when) => queueJob(database, jobs, name, given, when),
      errors,
      ...(extendContext ? { extendContext } : {}),
    })
    await database.asOwner(sql`select graphile_worker.complete_jobs(array[${id}::bigint])`)
    return null
  } catch (error) {
    const again = new Date(
      Math.max(clock.now().getTime(), Date.now()) + 1_000 * Math.exp(Math.min(10, attempts)),
    )
    await database.asOwner(sql`update graphile_worker._private_jobs set run_at = ${again} where id = ${id}`)
    return messageOf(error)
  }
}
