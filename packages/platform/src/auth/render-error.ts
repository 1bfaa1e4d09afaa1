import { AppError } from '../kernel/index.ts'
import { authErrors } from './errors.ts'

/** The API version from which `code` is the error's code instead of the HTTP status. */
const codesSince = '2024-01-01'
export const apiVersionHeader = 'x-supabase-api-version'

const badSignature = 'invalid JWT: unable to parse or verify signature'

/** Failures of the layers around this surface, under the code that GoTrue's clients know. */
const translations: Record<string, (error: AppError) => AppError> = {
  missing_key: (error) => authErrors.no_authorization({}, error),
  invalid_token: (error) => authErrors.bad_jwt({ problem: badSignature }, error),
  expired_token: (error) => authErrors.bad_jwt({ problem: `${badSignature}, token is expired` }, error),
}

/**
 * Answers a failure in GoTrue's shape. A client that sends `x-supabase-api-version: 2024-01-01` or later finds the
 * error's code in `code`; every other finds the HTTP status there. `error_code` has it either way. What nobody
 * foresaw is redacted; `error_id` leads to the log.
 */
export function renderAuthError(error: unknown, requestId: string, apiVersion?: string): Response {
  const failure = toAuthFailure(error)
  const { status, code, message, details } = failure
  const modern = apiVersion !== undefined && /^\d{4}-\d\d-\d\d$/.test(apiVersion) && apiVersion >= codesSince
  const headers = new Headers()
  if (modern) headers.set(apiVersionHeader, codesSince)
  if (typeof details.seconds === 'number') headers.set('retry-after', String(details.seconds))
  return Response.json(
    {
      code: modern ? code : status,
      error_code: code,
      msg: message,
      ...(modern ? { message } : {}),
      ...(status >= 500 ? { error_id: requestId } : {}),
      ...(details.oauthError ? { error: details.oauthError, error_description: message } : {}),
      ...(details.reasons ? { weak_password: { reasons: details.reasons } } : {}),
    },
    { status, headers },
  )
}

function toAuthFailure(error: unknown): AppError {
  if (!(error instanceof AppError)) {
    const problem = 'Unexpected failure, please check server logs for more information'
    return authErrors.unexpected_failure({ problem }, error)
  }
  return translations[error.code]?.(error) ?? error
}
