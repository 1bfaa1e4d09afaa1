import { AppError, type ErrorCatalogue, type ErrorFactory } from '../../kernel/index.ts'
import { databaseErrors } from '../errors.ts'
import { isSqlError, refusalOf, type SqlError } from './refusal-of.ts'

/** What PostgreSQL refused for a reason that is the caller's, by SQLSTATE or its class (PostgreSQL, appendix A). */
const refusals: readonly (readonly [pattern: RegExp, error: ErrorFactory])[] = [
  [/^42501$/, databaseErrors.forbidden_rows],
  [/^23505|^23503|^23P01/, databaseErrors.conflicting_rows],
  [/^22|^23|^54/, databaseErrors.invalid_rows],
  [/^P0001$/, databaseErrors.refused],
  [/^40|^55P03$/, databaseErrors.contended],
  [/^57014$/, databaseErrors.too_slow],
]

/**
 * The error that a caller sees for what PostgreSQL raised: the one of `catalogue` that SQL named (see `refusalOf`), else
 * `refused` with the status of a `PTnnn`, else one by the SQLSTATE. Anything else is given back as it is.
 */
export function translateSqlError(error: unknown, catalogue: ErrorCatalogue<string>): unknown {
  if (!isSqlError(error)) return error
  const named = refusalOf(error, catalogue) ?? refusalByStatus(error)
  if (named) return named
  const found = refusals.find(([pattern]) => pattern.test(error.code))
  return found ? found[1]({ problem: error.message, sqlstate: error.code }, error) : error
}

/** `PTnnn` is PostgREST's way to raise HTTP status nnn. */
function refusalByStatus(error: SqlError): AppError | undefined {
  const status = Number(/^PT([45]\d\d)$/.exec(error.code)?.[1])
  if (!status) return undefined
  const { definition } = databaseErrors.refused
  const hint = error.hint || definition.hint
  return new AppError('refused', { status, message: error.message, hint }, {}, error)
}
