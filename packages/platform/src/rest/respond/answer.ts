import { restErrors } from '../errors.ts'
import { appliedPreferences, type Preferences } from '../request/preferences.ts'
import type { Method, RestRequest } from '../request/rest-request.ts'
import type { AnswerRow } from '../sql/answer-text.ts'
import type { CompiledStatement } from '../sql/compile.ts'

/** Preferences that each kind of request honours, in the order in which they are answered. */
const honoured: Readonly<Record<Method | 'call', readonly (keyof Preferences)[]>> = {
  GET: ['count', 'tx', 'handling', 'timezone'],
  HEAD: ['count', 'tx', 'handling', 'timezone'],
  POST: ['resolution', 'missing', 'return', 'count', 'tx', 'handling', 'timezone'],
  PUT: ['return', 'count', 'tx', 'handling', 'timezone'],
  PATCH: ['missing', 'return', 'count', 'tx', 'handling', 'timezone', 'max-affected'],
  DELETE: ['return', 'count', 'tx', 'handling', 'timezone', 'max-affected'],
  call: ['count', 'tx', 'handling', 'timezone', 'max-affected'],
}

export interface AnswerContext {
  readonly request: RestRequest
  readonly compiled: CompiledStatement
  /** Rows without the limit, counted or estimated. */
  readonly total: number | undefined
  /** Whether `Prefer: tx` may decide how the transaction ends. */
  readonly txAllowed: boolean
  /** Set when several schemas are served. */
  readonly profile: string | undefined
}

/** A response before it is one: plain values, which an HTTP server writes fastest. */
export interface Answer {
  readonly status: number
  /** Names in small letters. */
  readonly headers: Record<string, string | string[]>
  readonly body: string | Uint8Array<ArrayBuffer> | null
}

/** Answers a statement's one row; the body goes out as PostgreSQL wrote it. */
export function answer(row: AnswerRow, context: AnswerContext): Answer {
  const { request } = context
  const { status, bodiless } = outcome(row, context)
  const headers: Answer['headers'] = { 'content-range': contentRange(row, context) }
  if (!bodiless || (request.method === 'HEAD' && status !== 204)) {
    headers['content-type'] = context.compiled.contentType ?? request.format.contentType
  }
  if (context.profile !== undefined) headers['content-profile'] = context.profile
  const applied = appliedPreferences(effective(context), honoured[request.isCall ? 'call' : request.method])
  if (applied !== undefined) headers['preference-applied'] = applied
  const location = locationOf(row, context)
  if (location !== undefined) headers.location = location
  if (row.isReplayed) headers['idempotency-replayed'] = 'true'
  return customise(row, bodiless ? null : (row.body as Answer['body']), status, headers)
}

/** Answers the plan of a request's statement instead of running it. */
export const answerPlan = (plan: string, { method, format }: RestRequest): Answer => ({
  status: 200,
  headers: { 'content-type': format.contentType },
  body: method === 'HEAD' ? null : plan,
})

function outcome(row: AnswerRow, { request, compiled, total }: AnswerContext) {
  const { method, isCall, preferences, window } = request
  if (isCall || method === 'GET' || method === 'HEAD') {
    if (compiled.nothing) return { status: 204, bodiless: true }
    return { status: rangeStatus(window.offset, row.page, total), bodiless: method === 'HEAD' }
  }
  const full = preferences.return === 'representation'
  if (method === 'POST') {
    const onlyUpdates = row.inserted === '0' && preferences.resolution === 'merge-duplicates'
    return { status: onlyUpdates ? 200 : 201, bodiless: !full }
  }
  if (method === 'PUT' && row.inserted !== '0') return { status: 201, bodiless: !full }
  return { status: full ? 200 : 204, bodiless: !full }
}

function rangeStatus(offset: number, page: number, total: number | undefined): number {
  if (total === undefined) return 200
  if (offset > total) {
    throw restErrors.PGRST103({
      details: `An offset of ${offset} was requested, but there are only ${total} rows.`,
      contentRange: `*/${total}`,
    })
  }
  return page < total ? 206 : 200
}

/** `0-24/3573`: the first and last row of the page and the total; `*` for what is none or unknown. */
function contentRange(row: AnswerRow, { request, total }: AnswerContext): string {
  const { isCall } = request
  const all = total ?? '*'
  if (!isCall && (request.method === 'POST' || request.method === 'PUT' || request.method === 'DELETE')) {
    return `*/${all}`
  }
  if (row.page === 0) return `*/${all}`
  const first = request.method === 'PATCH' && !isCall ? 0 : request.window.offset
  return `${first}-${first + row.page - 1}/${all}`
}

function effective({ request, txAllowed }: AnswerContext): Preferences {
  const { tx: _tx, ...others } = request.preferences
  return txAllowed ? request.preferences : others
}

/** The address of the one row that was inserted. */
function locationOf(row: AnswerRow, { compiled, request }: AnswerContext): string | undefined {
  if (!compiled.keyOf || !row.location || row.page !== 1) return undefined
  const query = compiled.keyOf.primaryKey.map((name, index) => {
    const value = row.location![index]
    const filter = value === null ? 'is.null' : `eq.${String(value)}`
    return `${encodeURIComponent(name)}=${encodeURIComponent(filter).replaceAll('%3A', ':')}`
  })
  return `/${encodeURIComponent(request.name)}?${query.join('&')}`
}

/** Applies what the request's own SQL set: `response.status` and `response.headers`. */
function customise(row: AnswerRow, body: Answer['body'], status: number, headers: Answer['headers']): Answer {
  const final = row.status === null ? status : readStatus(row.status)
  const bodiless = final === 204 || final === 304
  const own = row.headers === null ? {} : readHeaders(row.headers)
  return { status: final, headers: { ...headers, ...own }, body: bodiless ? null : body }
}

function readStatus(text: string): number {
  const status = Number(text)
  if (!Number.isInteger(status) || status < 200 || status > 599) throw restErrors.PGRST112()
  return status
}

/** A header that comes several times is sent several times. */
function readHeaders(text: string): Answer['headers'] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (error) {
    throw restErrors.PGRST111({}, error)
  }
  if (!Array.isArray(list)) throw restErrors.PGRST111()
  const headers = new Map<string, string[]>()
  for (const one of list as unknown[]) {
    const entries = typeof one === 'object' && one !== null ? Object.entries(one) : []
    const [name, value] = entries[0] ?? []
    if (entries.length !== 1 || typeof value !== 'string' || !isHeaderName(name!)) throw restErrors.PGRST111()
    const key = name!.toLowerCase()
    headers.set(key, [...(headers.get(key) ?? []), headerValue(value)])
  }
  return Object.fromEntries(headers)
}

export const isHeaderName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name)

/** What RFC 9110 lets a value hold; PostgreSQL's text may hold more. */
export const headerValue = (text: string): string => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ' ')
