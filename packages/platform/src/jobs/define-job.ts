import type { z } from 'zod'
import type { ScopedDatabase } from '../database/index.ts'
import { type Clock, type Log, rememberPlace } from '../kernel/index.ts'

/** What happens to ticks that passed while no node ran: forget them, run once, or run every one. */
export type CatchUp = 'skip' | 'once' | 'all'

/** When a job runs by itself. */
export interface CronSchedule {
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly line: string
  /** IANA zone of the line's wall-clock time. Default UTC. A time that a DST change skips runs once, right after;
   * one that it repeats runs once, the first time. */
  readonly zone?: string
  readonly catchUp: CatchUp
}

export interface QueueOptions {
  /** Default: now. */
  readonly runAt?: Date
  /** Replaces a waiting job of the same key. */
  readonly key?: string
}

/** What a job's handler is given. */
export interface JobContext {
  readonly runId: string
  /** The tick that this run stands for, or the moment it was asked for. */
  readonly scheduledFor: Date
  /** As the service role; the journal names the job. */
  readonly db: ScopedDatabase
  /** Adds a job to the queue of the project, now or at an instant. Fails with `unknown_job` or `invalid_payload`. */
  queue(name: string, payload?: unknown, options?: QueueOptions): Promise<string>
  readonly clock: Clock
  readonly log: Log
  /** Aborted when the server stops; a run that goes on for ten seconds more is given up and tried again later. */
  readonly signal: AbortSignal
}

/** A kind of job. `Extra`: what the capabilities that the system uses add to the handler's context. */
export interface JobDefinition<Payload extends z.ZodType = z.ZodType, Extra extends object = object> {
  /** kebab-case, unique in its system. */
  readonly name: string
  readonly summary: string
  readonly schedule?: CronSchedule
  /** What `plinth.add_job(name, payload)` may carry. */
  readonly payload: Payload
  /** Most attempts before a run counts as failed. Default 5. */
  readonly attempts?: number
  /** Most runs of this kind at the same time on one node; other kinds do not wait for them. Default 2. */
  readonly concurrency?: number
  run(context: JobContext & Extra, payload: z.output<Payload>): Promise<void>
}

/** Declares a job; the payload's type follows from its schema. */
export function defineJob<Payload extends z.ZodType, Extra extends object = object>(
  definition: JobDefinition<Payload, Extra>,
): JobDefinition<Payload, Extra> {
  return rememberPlace(definition)
}
