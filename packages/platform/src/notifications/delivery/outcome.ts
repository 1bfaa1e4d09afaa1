import { type ProjectDatabase, sql } from '../../database/index.ts'
import { AppError, messageOf } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { type BackOff, pauseAfter } from '../model/back-off.ts'
import type { ClaimedMessage } from '../model/message.ts'

/** What became of a message, as `plinth.finish_notifications` takes it. */
export interface Outcome {
  readonly id: string
  readonly state: 'waiting' | 'sent' | 'failed' | 'cancelled'
  readonly due_at?: Date
  /** It counts as an attempt that failed. */
  readonly failed?: boolean
  /** Of what goes out at most once: it was certainly not taken. */
  readonly untaken?: boolean
  readonly problem?: string
  readonly provider?: string
  readonly provider_id?: string | null
}

const longestProblem = 1_000

export const cancelled = ({ id }: Pick<ClaimedMessage, 'id'>, problem: string): Outcome => ({
  id,
  state: 'cancelled',
  problem,
})

export const failed = ({ id }: Pick<ClaimedMessage, 'id'>, problem: string): Outcome => ({
  id,
  state: 'failed',
  failed: true,
  problem: problem.slice(0, longestProblem),
})

/**
 * What a failure means for a message: given up when it is wrong, or has failed as often as it may; else tried again after a
 * pause. `atMostOnce`: also given up when the provider may have taken it.
 */
export function outcomeOf(
  message: ClaimedMessage,
  error: unknown,
  {
    backOff,
    now,
    atMostOnce = false,
  }: { readonly backOff: BackOff; readonly now: Date; readonly atMostOnce?: boolean },
): Outcome {
  const problem = messageOf(error)
  const taken = error instanceof HandoverError ? error.taken : error instanceof AppError ? 'never' : 'unknown'
  if (taken === 'never') return { ...failed(message, problem), untaken: true }
  if (taken === 'unknown' && atMostOnce)
    return failed(message, `it may have been sent, and is not sent again: ${problem}`)
  const pause = pauseAfter(message.failures + 1, backOff)
  if (pause === undefined) return { ...failed(message, problem), untaken: true }
  const due_at = new Date(now.getTime() + pause)
  return {
    id: message.id,
    state: 'waiting',
    due_at,
    failed: true,
    untaken: true,
    problem: problem.slice(0, longestProblem),
  }
}

/** Records outcomes, unless the lease went to somebody else. */
export async function recordOutcomes(
  database: ProjectDatabase,
  lease: string,
  outcomes: readonly Outcome[],
  now: Date,
): Promise<void> {
  if (outcomes.length === 0) return
  await database.asOwner(
    sql`select plinth.finish_notifications(${lease}, ${JSON.stringify(outcomes)}, ${now})`,
  )
}
