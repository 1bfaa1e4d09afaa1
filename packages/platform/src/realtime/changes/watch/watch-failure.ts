import { AppError, hasCode } from '../../../kernel/index.ts'
import { realtimeErrors } from '../../errors.ts'
import { stateOf } from '../policies/check-policies.ts'
import type { WatchView } from './watch-view.ts'

/** True for failures that pass by themselves: the database is away or has no connection free. */
export const isPassing = (error: unknown): boolean =>
  hasCode(error, 'database_unavailable') || hasCode(error, 'database_busy')

/** What a watcher is told whose rows cannot be read. */
export function watchFailure(error: unknown, { table, filter }: WatchView): AppError {
  if (error instanceof AppError) return error
  const name = `${table.schema}.${table.table}`
  if (filter?.cost === 'pattern' && hasCode(error, '57014'))
    return realtimeErrors.filter_too_slow({ table: name }, error)
  return realtimeErrors.policy_raised({ table: name, state: stateOf(error) }, error)
}
