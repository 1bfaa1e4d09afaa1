import { isSqlError, refusalOf, type SqlError } from '../../database/index.ts'
import { AppError, type ErrorCatalogue, hasCode } from '../../kernel/index.ts'
import { restErrors } from '../errors.ts'
import { guardError } from '../sql/guards.ts'
import { type Answer, headerValue, isHeaderName } from './answer.ts'
import { statusOf } from './status.ts'

/** What a client reads about a failure: PostgREST's four fields. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly details: unknown
  readonly hint: unknown
}

export interface RenderContext {
  /** The caller has the anonymous role. */
  readonly anonymous: boolean
  /** Errors that SQL may name in a JSON detail; see `RestOptions.errors`. */
  readonly errors?: ErrorCatalogue<string> | undefined
  /** A HEAD request: the status alone. */
  readonly bodiless?: boolean
}

/** The SQLSTATE of what PostgreSQL refused, or undefined for any other failure. */
export const sqlStateOf = (error: unknown): string | undefined => (isSqlError(error) ? error.code : undefined)

/** Answers any failure in PostgREST's form; what is not known is a 500 that says nothing. */
export function renderError(error: unknown, context: RenderContext): Answer {
  if (isSqlError(error)) return renderSqlError(error, context)
  if (error instanceof AppError) return renderAppError(error, context)
  return respond(500, { code: 'XX000', message: 'Internal server error', details: null, hint: null }, context)
}

function renderSqlError(error: SqlError, context: RenderContext): Answer {
  if (error.code === 'PGRST') return renderRaised(error, context)
  const guard = guardError(error.code, error.message)
  if (guard) return renderAppError(guard, context)
  const refusal = context.errors && refusalOf(error, context.errors)
  if (refusal) return renderRefusal(refusal, context)
  const body = {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? null,
  }
  return respond(statusOf(error.code, context.anonymous), body, context)
}

/** An error of the system's own catalogue, with the facts that SQL gave as its details. */
function renderRefusal({ code, status, message, hint, details }: AppError, context: RenderContext): Answer {
  const facts = Object.keys(details).length > 0 ? details : null
  return respond(status, { code, message, details: facts, hint: hint || null }, context)
}

/** Codes of other folders' errors that PostgREST has a code for. */
const translations: ReadonlyMap<string, (error: AppError) => AppError> = new Map([
  ['database_unavailable', () => restErrors.PGRST000()],
  ['database_busy', () => restErrors.PGRST003()],
  ['expired_token', () => restErrors.PGRST303({ problem: 'JWT expired' })],
  ['invalid_token', invalidToken],
])

function invalidToken(error: AppError): AppError {
  return hasCode(error.cause, 'ERR_JWT_CLAIM_VALIDATION_FAILED')
    ? restErrors.PGRST303({ problem: 'JWT not yet valid or malformed' })
    : restErrors.PGRST301({ problem: error.message })
}

function renderAppError(given: AppError, context: RenderContext): Answer {
  const error = translations.get(given.code)?.(given) ?? given
  const { details = null, hint } = error.details
  const body = {
    code: error.code,
    message: error.message,
    details,
    hint: hint === undefined ? error.hint || null : hint,
  }
  const status = error.code === '42501' ? statusOf(error.code, context.anonymous) : error.status
  const rendered = respond(status, body, context, challengeOf(error))
  const { contentRange } = error.details
  return typeof contentRange === 'string'
    ? { ...rendered, headers: { ...rendered.headers, 'content-range': contentRange } }
    : rendered
}

/** RFC 6750: says what was wrong with the token. */
function challengeOf(error: AppError): string | undefined {
  if (error.status !== 401) return undefined
  return error.code === 'PGRST302'
    ? 'Bearer'
    : `Bearer error="invalid_token", error_description="${error.message.replaceAll(/["\\\r\n]/g, '')}"`
}

/** `raise sqlstate 'PGRST'`: the message is the body and the detail the status and headers, both as JSON. */
function renderRaised(error: SqlError, context: RenderContext): Answer {
  const message = parseObject(error.message)
  const detail = parseObject(error.detail)
  const status = Number(detail?.status)
  const valid =
    typeof message?.code === 'string' && typeof message.message === 'string' && status >= 100 && status < 600
  if (!valid) return renderAppError(restErrors.PGRST121({ details: error.message }), context)
  const { code, message: text, details = null, hint = null } = message as Record<string, string>
  const body = { code: code!, message: text!, details, hint }
  const given = Object.entries((detail?.headers ?? {}) as Record<string, unknown>)
  if (!given.every(([name]) => isHeaderName(name))) {
    return renderAppError(restErrors.PGRST121({ details: error.detail }), context)
  }
  const own = given.map(([name, value]) => [name.toLowerCase(), headerValue(String(value))] as const)
  const rendered = respond(status, body, context)
  return { ...rendered, headers: { ...rendered.headers, ...Object.fromEntries(own) } }
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function respond(status: number, body: ErrorBody, context: RenderContext, challenge?: string): Answer {
  const headers: Answer['headers'] = {
    'content-type': 'application/json; charset=utf-8',
    'proxy-status': `PostgREST; error=${body.code}`,
  }
  if (status === 401) headers['www-authenticate'] = challenge ?? 'Bearer'
  const bodiless = context.bodiless || status === 204 || status === 304
  return { status: Math.max(200, status), headers, body: bodiless ? null : JSON.stringify(body) }
}
