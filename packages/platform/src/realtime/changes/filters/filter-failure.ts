import { type AppError, hasCode } from '../../../kernel/index.ts'
import { realtimeErrors } from '../../errors.ts'
import { isStatementError, stateOf } from '../policies/check-policies.ts'

/** What ends a subscription whose filter the database could not apply. Throws what is not the filter's fault. */
export function filterFailure(table: string, error: unknown): AppError {
  if (hasCode(error, '57014')) return realtimeErrors.filter_too_slow({ table })
  if (isStatementError(error)) return realtimeErrors.filter_raised({ table, state: stateOf(error) })
  throw error
}
