import { AppError, type ErrorCatalogue, type ErrorDetails } from '../../kernel/index.ts'

/** An error as PostgreSQL sends it. Recognised by its shape, because another copy of `pg` has a class of its own. */
export interface SqlError extends Error {
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
}

/** True for an error that PostgreSQL raised. */
export const isSqlError = (error: unknown): error is SqlError =>
  error instanceof Error && /^[0-9A-Z]{5}$/.test((error as SqlError).code ?? '') && 'severity' in error

/**
 * The error of `catalogue` that SQL raised with `plinth.refuse`: its detail is a JSON object whose `code` the catalogue
 * has. Status and code are the catalogue's; message and hint are SQL's where it gave any; the other facts of the object
 * are the details. Undefined for any other error.
 */
export function refusalOf(error: unknown, catalogue: ErrorCatalogue<string>): AppError | undefined {
  if (!isSqlError(error)) return undefined
  const { code, ...facts } = readFacts(error.detail)
  if (typeof code !== 'string' || !Object.hasOwn(catalogue, code)) return undefined
  const { status, message, hint } = catalogue[code]!.definition
  const definition = { status, message: error.message || message, hint: error.hint || hint }
  return new AppError(code, definition, facts, error)
}

function readFacts(detail: string | undefined): ErrorDetails {
  if (!detail?.startsWith('{')) return {}
  try {
    return JSON.parse(detail) as ErrorDetails
  } catch {
    return {}
  }
}
