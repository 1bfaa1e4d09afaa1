import type { JobHelpers } from 'graphile-worker'
import {
  type ProjectDatabase,
  scopeDatabase,
  serviceCaller,
  sql,
  translateSqlError,
} from '../database/index.ts'
import { AppError, type Clock, type ErrorCatalogue, type Log, messageOf } from '../kernel/index.ts'
import type { JobContext, JobDefinition } from './define-job.ts'
import { jobErrors } from './errors.ts'

export interface RunOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly log: Log
  /** The node that runs it, for the history. */
  readonly node: string
  /** Aborted when the node stops. */
  readonly stopping: AbortSignal
  readonly queue: JobContext['queue']
  readonly extendContext?: ExtendJobContext
  /** What the system's SQL raises; the history names their codes. Default none. */
  readonly errors?: ErrorCatalogue<string> | undefined
}

/** Gives what the capabilities that the system uses add to a handler's context. */
export type ExtendJobContext = (context: JobContext) => object

/** What `plinth.add_job` puts into the queue. */
interface QueuedPayload {
  readonly payload: unknown
  readonly scheduled_for: string
}

/** One attempt at a job, with its row in the history. A failure is recorded and thrown, so that the queue retries. */
export async function runJob(
  definition: JobDefinition,
  queued: unknown,
  helpers: JobHelpers,
  options: RunOptions,
) {
  const { payload, scheduled_for } = queued as QueuedPayload
  const { id, attempts: attempt } = helpers.job
  const scheduledFor = new Date(scheduled_for)
  await recordStart({ id, attempt, job: definition.name, scheduledFor }, options)
  try {
    const context: JobContext = {
      runId: `${id}/${attempt}`,
      scheduledFor,
      db: scopeDatabase(options.database, serviceCaller('job', definition.name)),
      queue: options.queue,
      clock: options.clock,
      log: options.log.child({ job: definition.name, run: id }),
      signal: options.stopping,
    }
    await definition.run(
      { ...context, ...options.extendContext?.(context) },
      parsePayload(definition, payload),
    )
    await recordEnd(id, attempt, null, options)
  } catch (cause) {
    const error = translateSqlError(cause, options.errors ?? {})
    await recordEnd(id, attempt, describeError(error), options)
    throw error
  }
}

/** With its code, which says the same as over every surface. */
const describeError = (error: unknown): string =>
  error instanceof AppError ? `${error.code}: ${error.message}` : messageOf(error)

/** The payload as the job's schema reads it. Fails with `invalid_payload`. */
export function parsePayload({ name, payload }: JobDefinition, given: unknown): unknown {
  const parsed = payload.safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'payload'}: ${issue.message}`,
  )
  throw jobErrors.invalid_payload({ name, problems: problems.join('; ') })
}

async function recordStart(
  run: { readonly id: string; readonly attempt: number; readonly job: string; readonly scheduledFor: Date },
  { database, clock, node }: RunOptions,
) {
  await database.asOwner(sql`
    insert into plinth.job_runs (job_id, attempt, job, scheduled_for, started_at, node)
    values (${run.id}, ${run.attempt}, ${run.job}, ${run.scheduledFor}, ${clock.now()}, ${node})
    on conflict (job_id, attempt) do update
      set started_at = excluded.started_at, node = excluded.node, outcome = 'running', finished_at = null, error = null`)
}

async function recordEnd(id: string, attempt: number, error: string | null, { database, clock }: RunOptions) {
  await database.asOwner(sql`
    update plinth.job_runs
    set finished_at = ${clock.now()}, outcome = ${error === null ? 'succeeded' : 'failed'}, error = ${error}
    where job_id = ${id} and attempt = ${attempt}`)
}
