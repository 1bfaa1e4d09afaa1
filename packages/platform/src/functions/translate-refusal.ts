import pg from 'pg'
import { type ErrorFactory, messageOf } from '../kernel/index.ts'
import { functionErrors } from './errors.ts'

/** What PostgreSQL refused for a reason that is the caller's, by SQLSTATE or its class (PostgreSQL, appendix A). */
const refusals: readonly (readonly [pattern: RegExp, error: ErrorFactory])[] = [
  [/^42501$/, functionErrors.forbidden_rows],
  [/^23505|^23503|^23P01/, functionErrors.conflicting_rows],
  [/^22|^23|^54/, functionErrors.invalid_rows],
  [/^P0001$/, functionErrors.refused],
  [/^40|^55P03$/, functionErrors.contended],
  [/^57014$/, functionErrors.too_slow],
]

/** The error that a function's caller sees for what its SQL was refused; anything else is given back as it is. */
export function translateRefusal(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error
  const found = refusals.find(([pattern]) => pattern.test(error.code ?? ''))
  return found ? found[1]({ problem: messageOf(error), sqlstate: error.code }, error) : error
}
