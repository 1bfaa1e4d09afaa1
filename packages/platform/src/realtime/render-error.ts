import { httpErrors } from '../http/index.ts'
import { AppError } from '../kernel/index.ts'

/** A failure as supabase-js reads it: the text is in `error`. */
export function renderRealtimeError(error: unknown, requestId: string): Response {
  const shown = error instanceof AppError ? error : httpErrors.internal({ request_id: requestId }, error)
  const body = JSON.stringify({ error: shown.message, code: shown.code, hint: shown.hint })
  return new Response(body, { status: shown.status, headers: { 'content-type': 'application/json' } })
}
