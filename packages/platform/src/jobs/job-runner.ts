import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Logger, type Runner, run, runMigrations, type TaskList, type WorkerEvents } from 'graphile-worker'
import pg from 'pg'
import { type ProjectDatabase, sql } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import { type Clock, type ErrorCatalogue, type Log, messageOf, newId } from '../kernel/index.ts'
import { announceDueJobs } from './announce-due-jobs.ts'
import type { JobDefinition, QueueOptions } from './define-job.ts'
import { type NodeLease, noteWorkers, releaseDeadNodes, releaseNode, takeNodeLease } from './node-lease.ts'
import { queueJob } from './queue-job.ts'
import { type ExtendJobContext, runJob } from './run-job.ts'
import { createRunSlots } from './run-slots.ts'
import { declareJobs, queueDueTicks, untilNextTick } from './schedule-jobs.ts'

export interface JobRunnerOptions {
  readonly database: ProjectDatabase
  readonly jobs: readonly JobDefinition[]
  readonly clock: Clock
  readonly log: Log
  /** What the capabilities that the system uses add to a handler's context. */
  readonly extendContext?: ExtendJobContext
  /** What the system's SQL raises; the history names their codes. Default none. */
  readonly errors?: ErrorCatalogue<string> | undefined
  /** Milliseconds that running jobs get when the runner stops. Default 10,000. */
  readonly stopGrace?: number
}

/** The jobs of one project on one node. */
export interface JobRunner {
  /** {@link queueJob} */
  queue(name: string, payload?: unknown, options?: QueueOptions): Promise<string>
  /** Queues what is due by the clock; the runner also does it by itself at each tick. Gives how many ticks. */
  tick(): Promise<number>
  health(): Promise<HealthStatus>
  /** Waits for running jobs (they see their signal), gives up those that do not end, then stops. */
  stop(): Promise<void>
}

/**
 * A job wakes the workers by NOTIFY, when it is queued and when it comes due (announce-due-jobs.ts); asking is for a notice that
 * got lost. Every worker asks by itself, so that with more of them each asks less often. Milliseconds.
 */
const pollIntervalPerWorker = 2_500
/** The schedule is looked at no less often than this, so that a clock that was set is noticed. Milliseconds. */
const longestSleep = 60_000
const defaultStopGrace = 10_000
/** Jobs are taken and given back in short statements, whatever the number of workers; one more listens. */
export const queueConnections = 3

/** Prepares the queue's tables; the owner of the database is enough. */
export async function migrateJobQueue(ownerDirectUrl: string): Promise<void> {
  await runMigrations({ connectionString: ownerDirectUrl, logger: quietLogger })
}

/** Declares the jobs, takes back what dead nodes held, and starts to work. */
export async function startJobRunner(options: JobRunnerOptions): Promise<JobRunner> {
  const { database, jobs, clock, log } = options
  const node = newId()
  await declareJobs(database, jobs, clock)
  const workers: string[] = []
  const lease = await takeNodeLease(database, node, workers, (error) =>
    log.warn({ problem: error.message }, 'job lease lost; taking it again'),
  )
  await releaseDeadNodes(database)
  const pool = createQueuePool(database, log)
  const [stopping, givenUp] = [new AbortController(), new AbortController()]
  const signals = { stopping: stopping.signal, givenUp: givenUp.signal }
  const runner = await startQueue(pool, options, { node, workers, ...signals })
  await noteWorkers(database, node, workers)
  const timer = await startTimer(options)
  const announcing = announceDueJobs(database, log)
  return {
    queue: (name, payload, given) => queueJob(database, jobs, name, payload, given),
    tick: () => queueDueTicks(database, jobs, clock),
    health: () => readHealth(database),
    stop: () => {
      stopping.abort()
      announcing.stop()
      return stopAll({ ...options, timer, runner, lease, pool, node, giveUp: () => givenUp.abort() })
    },
  }
}

function createQueuePool(database: ProjectDatabase, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: database.addresses.ownerDirect,
    max: queueConnections,
    application_name: 'plinth jobs',
  })
  pool.on('error', (error) => log.warn({ problem: error.message }, 'job connection lost'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

interface StartOptions {
  readonly node: string
  /** Filled with the names under which this queue locks jobs. */
  readonly workers: string[]
  readonly stopping: AbortSignal
  readonly givenUp: AbortSignal
}

async function startQueue(
  pool: pg.Pool,
  options: JobRunnerOptions,
  { node, workers, stopping, givenUp }: StartOptions,
): Promise<Runner> {
  const { database, jobs, clock, log, extendContext, errors } = options
  const slots = createRunSlots(jobs)
  const queue: JobRunner['queue'] = (name, payload, given) => queueJob(database, jobs, name, payload, given)
  const surroundings = {
    database,
    clock,
    log,
    node,
    stopping,
    queue,
    errors,
    ...(extendContext ? { extendContext } : {}),
  }
  const taskList: TaskList = Object.fromEntries(
    jobs.map((job) => [
      job.name,
      (payload, helpers) =>
        slots.within(job.name, () => unlessGivenUp(runJob(job, payload, helpers, surroundings), givenUp)),
    ]),
  )
  const events = createEvents(options, (id) => workers.push(id))
  slots.follow(events)
  return run({
    pgPool: pool,
    concurrency: slots.total,
    pollInterval: pollIntervalPerWorker * slots.total,
    // Each job carries its kind as a flag: see plinth.add_job.
    forbiddenFlags: slots.full,
    noHandleSignals: true,
    taskList,
    parsedCronItems: [],
    logger: quietLogger,
    events,
  })
}

/** A run that ends after it was given up reports nothing: its job belongs to another worker by then. */
async function unlessGivenUp(run: Promise<void>, givenUp: AbortSignal): Promise<void> {
  try {
    await run
  } finally {
    if (givenUp.aborted) await new Promise(() => undefined)
  }
}

function createEvents({ log }: JobRunnerOptions, onPool: (pool: string) => void): WorkerEvents {
  const events: WorkerEvents = new EventEmitter()
  events.on('pool:create', ({ workerPool }) => onPool(workerPool.id))
  events.on('job:failed', ({ job, error }) =>
    log.error({ job: job.task_identifier, err: error }, 'job failed for good'),
  )
  return events
}

/** Queues what is due, sleeps until the next tick, and so on. */
async function startTimer({ database, jobs, clock, log }: JobRunnerOptions): Promise<{ stop(): void }> {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const sleep = () => {
    const wait = Math.min(untilNextTick(jobs, clock) ?? longestSleep, longestSleep)
    if (!stopped) timer = setTimeout(() => void wake(), Math.max(wait, 1))
  }
  const wake = async () => {
    try {
      await queueDueTicks(database, jobs, clock)
      await releaseDeadNodes(database)
    } catch (error) {
      log.warn(
        { problem: messageOf(error) },
        'schedule could not be queued; it is tried again at the next tick',
      )
    }
    sleep()
  }
  await wake()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** What failed for good counts for a day: afterwards the history tells of it. */
async function readHealth(database: ProjectDatabase): Promise<HealthStatus> {
  const { rows } = await database.asOwner<{ waiting: number; overdue: number; failed: number }>(sql`
    select count(*)::int as waiting,
      count(*) filter (where run_at < now() - interval '5 minutes' and locked_at is null and attempts < max_attempts)::int as overdue,
      count(*) filter (where attempts >= max_attempts and locked_at is null and updated_at > now() - interval '1 day')::int as failed
    from graphile_worker.jobs`)
  const detail = rows[0]!
  return { status: detail.overdue + detail.failed > 0 ? 'degraded' : 'ok', detail }
}

interface RunningParts {
  readonly timer: { stop(): void }
  readonly runner: Runner
  readonly pool: pg.Pool
  readonly lease: NodeLease
  readonly database: ProjectDatabase
  readonly node: string
  readonly stopGrace?: number
  giveUp(): void
}

async function stopAll(parts: RunningParts): Promise<void> {
  const { timer, runner, pool, lease, database, node, stopGrace = defaultStopGrace, giveUp } = parts
  timer.stop()
  const ended = runner.stop()
  const patience = delay(stopGrace, undefined, { ref: false })
  await Promise.race([ended, patience])
  giveUp()
  await pool.end()
  await releaseNode(database, node).catch(() => undefined)
  await lease.release()
}

/** The queue's own chatter stays out of the log; failures reach it through the events. */
const quietLogger = new Logger(() => () => undefined)
