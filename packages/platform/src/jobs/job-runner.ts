import { EventEmitter } from 'node:events'
import { Logger, type Runner, run, runMigrations, type TaskList, type WorkerEvents } from 'graphile-worker'
import pg from 'pg'
import { type ProjectDatabase, sql } from '../database/index.ts'
import type { HealthStatus } from '../http/index.ts'
import { type Clock, type Log, messageOf, newId } from '../kernel/index.ts'
import type { JobDefinition } from './define-job.ts'
import { jobErrors } from './errors.ts'
import { type NodeLease, releaseDeadNodes, takeNodeLease } from './node-lease.ts'
import { parsePayload, runJob } from './run-job.ts'
import { declareJobs, queueDueTicks, untilNextTick } from './schedule-jobs.ts'

export interface JobRunnerOptions {
  readonly database: ProjectDatabase
  readonly jobs: readonly JobDefinition[]
  readonly clock: Clock
  readonly log: Log
  /** Jobs at the same time on this node. Default 2. */
  readonly concurrency?: number
}

/** The jobs of one project on one node. */
export interface JobRunner {
  /** {@link queueJob} */
  runNow(name: string, payload?: unknown): Promise<string>
  /** Queues what is due by the clock; the runner also does it by itself at each tick. Gives how many ticks. */
  tick(): Promise<number>
  health(): Promise<HealthStatus>
  /** Waits for running jobs (they see their signal), then stops. */
  stop(): Promise<void>
}

/** A job that is queued wakes the workers by NOTIFY; this is only for jobs with a later `run_at`. Milliseconds. */
const pollInterval = 5_000
/** The schedule is looked at no less often than this, so that a clock that was set is noticed. Milliseconds. */
const longestSleep = 60_000
const defaultConcurrency = 2
const listenConnections = 1

/** Prepares the queue's tables; the owner of the database is enough. */
export async function migrateJobQueue(ownerDirectUrl: string): Promise<void> {
  await runMigrations({ connectionString: ownerDirectUrl, logger: quietLogger })
}

/** Declares the jobs, takes back what dead nodes held, and starts to work. */
export async function startJobRunner(options: JobRunnerOptions): Promise<JobRunner> {
  const { database, jobs, clock, log, concurrency = defaultConcurrency } = options
  const node = newId()
  await declareJobs(database, jobs, clock)
  const lease = await takeNodeLease(database, node, (error) =>
    log.warn({ problem: error.message }, 'job lease lost'),
  )
  await releaseDeadNodes(database)
  const pool = createQueuePool(database, concurrency, log)
  const runner = await startQueue(pool, options, node, concurrency)
  const timer = startTimer(options)
  return {
    runNow: (name, payload) => queueJob(database, jobs, name, payload),
    tick: () => queueDueTicks(database, jobs, clock),
    health: () => readHealth(database),
    stop: () => stopAll({ timer, runner, lease, pool, database, node }),
  }
}

function createQueuePool(database: ProjectDatabase, concurrency: number, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: database.addresses.ownerDirect,
    max: concurrency + listenConnections,
    application_name: 'plinth jobs',
  })
  pool.on('error', (error) => log.warn({ problem: error.message }, 'job connection lost'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

async function startQueue(
  pool: pg.Pool,
  options: JobRunnerOptions,
  node: string,
  concurrency: number,
): Promise<Runner> {
  const { database, jobs, clock, log } = options
  const taskList: TaskList = Object.fromEntries(
    jobs.map((job) => [
      job.name,
      (payload, helpers) => runJob(job, payload, helpers, { database, clock, log, node }),
    ]),
  )
  return run({
    pgPool: pool,
    concurrency,
    pollInterval,
    noHandleSignals: true,
    taskList,
    parsedCronItems: [],
    logger: quietLogger,
    events: createEvents(options, node),
  })
}

/** Workers are noted as they come, so that their jobs can be taken back when this node dies. */
function createEvents({ database, log }: JobRunnerOptions, node: string): WorkerEvents {
  const events: WorkerEvents = new EventEmitter()
  events.on('worker:create', ({ worker: { workerId } }) => {
    database
      .asOwner(
        sql`insert into plinth.job_nodes (worker, node) values (${workerId}, ${node}) on conflict do nothing`,
      )
      .catch((error: unknown) => log.warn({ problem: messageOf(error) }, 'worker not noted'))
  })
  events.on('job:failed', ({ job, error }) =>
    log.error({ job: job.task_identifier, err: error }, 'job failed for good'),
  )
  return events
}

/** Sleeps until the next tick, queues what is due, and so on. */
function startTimer({ database, jobs, clock, log }: JobRunnerOptions): { stop(): void } {
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
  void wake()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Queues a job now; any node picks it up. Gives its id. Fails with `unknown_job` or `invalid_payload`. */
export async function queueJob(
  database: ProjectDatabase,
  jobs: readonly JobDefinition[],
  name: string,
  payload: unknown = {},
): Promise<string> {
  const definition = jobs.find((job) => job.name === name)
  if (!definition)
    throw jobErrors.unknown_job({ name, known: jobs.map((job) => job.name).join(', ') || 'none' })
  parsePayload(definition, payload)
  const { rows } = await database.asOwner<{ id: string }>(
    sql`select plinth.add_job(${name}, ${JSON.stringify(payload)}) as id`,
  )
  return rows[0]!.id
}

async function readHealth(database: ProjectDatabase): Promise<HealthStatus> {
  const { rows } = await database.asOwner<{ waiting: number; overdue: number; failed: number }>(sql`
    select count(*)::int as waiting,
      count(*) filter (where run_at < now() - interval '5 minutes' and locked_at is null and attempts < max_attempts)::int as overdue,
      count(*) filter (where attempts >= max_attempts and locked_at is null)::int as failed
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
}

async function stopAll({ timer, runner, pool, lease, database, node }: RunningParts): Promise<void> {
  timer.stop()
  await runner.stop()
  await pool.end()
  await database.asOwner(sql`delete from plinth.job_nodes where node = ${node}`).catch(() => undefined)
  await lease.release()
}

/** The queue's own chatter stays out of the log; failures reach it through the events. */
const quietLogger = new Logger(() => () => undefined)
