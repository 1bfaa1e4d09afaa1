import { AppError, hasCode, type Log, messageOf } from '../kernel/index.ts'
import { httpErrors } from './errors.ts'

/** Turns anything thrown into an {@link AppError}; what nobody foresaw becomes a redacted `internal`. */
export function toAppError(error: unknown, requestId: string): AppError {
  return error instanceof AppError ? error : httpErrors.internal({ request_id: requestId }, error)
}

/** The shape of errors outside the surfaces: unknown project, health, limits before a surface is known. */
export function renderPlainError(error: unknown, requestId: string): Response {
  const { status, code, message, hint, details } = toAppError(error, requestId)
  return Response.json(
    { code, message, hint, request_id: requestId },
    {
      status,
      ...(typeof details.seconds === 'number' ? { headers: { 'retry-after': String(details.seconds) } } : {}),
    },
  )
}

/** Failures that are ours go to the log with their cause; the caller's own mistakes are counted, not logged. */
export function logFailure(log: Log, error: unknown, status: number): void {
  if (status >= 500 && !isHangUp(error)) log.error({ err: error }, 'request failed')
}

/** A client that went away while it was still sending: nobody waits for the answer, and nothing failed here. */
const isHangUp = (error: unknown): boolean => hasCode(error, 'ECONNRESET') && messageOf(error) === 'aborted'
