import { translateSqlError } from '../../database/index.ts'
import { toAppError } from '../../http/index.ts'
import type { ErrorCatalogue } from '../../kernel/index.ts'
import type { AnswerFacts, Envelope } from './envelope.ts'

/** A failure in the system's shape. What SQL raised is an error of the system's catalogue, or one by its SQLSTATE. */
export function renderRouteError(
  error: unknown,
  facts: AnswerFacts,
  { envelope, errors }: { readonly envelope: Envelope; readonly errors: ErrorCatalogue<string> },
): Response {
  const known = toAppError(translateSqlError(error, errors), facts.requestId)
  const { seconds, allowed } = known.details
  const headers = {
    ...(known.status === 429 && typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {}),
    ...(known.status === 405 && typeof allowed === 'string' ? { allow: allowed } : {}),
    'cache-control': 'no-store',
  }
  const details = Object.hasOwn(errors, known.code) ? known.details : {}
  return Response.json(envelope.failure(known, { ...facts, details }), { status: known.status, headers })
}
