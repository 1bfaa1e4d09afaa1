import type { SupabaseClient } from '@supabase/supabase-js'
import { PlinthError } from '../call-platform.ts'
import { trimSlashes } from '../trim-slashes.ts'
import type { Logger } from './logger-service.ts'
import { type CsrfToken, RateLimitError, type RateLimits } from './security-service.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: unknown }

export interface ApiRequest {
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Milliseconds; default that of the service. */
  readonly timeout?: number
  /** Makes a POST safe to repeat, where the endpoint minds it. */
  readonly idempotencyKey?: string
}

/** A system's routes and functions, below its address. Each method fails with a `PlinthError` or a `RateLimitError`. */
export interface ApiService {
  get<T = Json>(endpoint: string, request?: ApiRequest): Promise<T>
  post<T = Json>(endpoint: string, request?: ApiRequest): Promise<T>
  put<T = Json>(endpoint: string, request?: ApiRequest): Promise<T>
  delete<T = Json>(endpoint: string, request?: ApiRequest): Promise<T>
  /** Each POSTs to the endpoint that the options name for it. */
  sendPushNotification<T = Json>(notification: object): Promise<T>
  sendEmailNotification<T = Json>(notification: object): Promise<T>
  processPayment<T = Json>(payment: object, idempotencyKey?: string): Promise<T>
}

export interface ApiOptions {
  /** The project's address: `https://api.example.com/kronium`. */
  readonly url: string
  readonly key: string
  /** Whose session is sent along. Without one, and with `csrf`, the session in the cookies counts. */
  readonly client?: Pick<SupabaseClient, 'auth'>
  readonly csrf?: CsrfToken
  readonly limits?: RateLimits
  readonly logger?: Logger
  /** Milliseconds. Default 30,000. */
  readonly timeout?: number
  readonly fetch?: typeof fetch
  /** Endpoints of the named calls. */
  readonly endpoints?: { readonly push?: string; readonly email?: string; readonly payment?: string }
}

export function createApi(options: ApiOptions): ApiService {
  const { url, key, client, csrf, limits, logger, timeout = 30_000, endpoints = {} } = options
  const send = options.fetch ?? fetch

  async function headersOf(
    method: string,
    { body, idempotencyKey }: ApiRequest,
  ): Promise<Record<string, string>> {
    const session = (await client?.auth.getSession())?.data.session
    const token = method === 'GET' || session ? null : await csrf?.get()
    return {
      apikey: key,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(session ? { authorization: `Bearer ${session.access_token}` } : {}),
      ...(token ? { 'x-csrf-token': token } : {}),
      ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
    }
  }

  async function call<T>(method: string, endpoint: string, request: ApiRequest = {}): Promise<T> {
    const path = `/${trimSlashes(endpoint, 'start')}`
    const wait = limits?.take('api', path) ?? 0
    if (wait > 0) throw new RateLimitError(wait)
    const start = performance.now()
    try {
      const response = await send(`${trimSlashes(url)}${path}${queryOf(request)}`, {
        method,
        headers: await headersOf(method, request),
        signal: AbortSignal.timeout(request.timeout ?? timeout),
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(csrf ? { credentials: 'include' as const } : {}),
      })
      const answer = await read(response)
      logger?.info('request', {
        method,
        path,
        status: response.status,
        milliseconds: performance.now() - start,
      })
      if (response.ok) return answer as T
      throw errorOf(answer, response.status)
    } catch (error) {
      if (!(error instanceof PlinthError)) logger?.warn('request failed', { method, path, error })
      throw error instanceof PlinthError ? error : unanswered(error)
    }
  }

  const named = <T>(endpoint: string | undefined, what: string, request: ApiRequest): Promise<T> => {
    if (!endpoint) throw new PlinthError(`No endpoint is set for ${what}.`, 'not_configured', 0)
    return call<T>('POST', endpoint, request)
  }

  return {
    get: (endpoint, request) => call('GET', endpoint, request),
    post: (endpoint, request) => call('POST', endpoint, request),
    put: (endpoint, request) => call('PUT', endpoint, request),
    delete: (endpoint, request) => call('DELETE', endpoint, request),
    sendPushNotification: async (body) => named(endpoints.push, 'push notifications', { body }),
    sendEmailNotification: async (body) => named(endpoints.email, 'e-mails', { body }),
    processPayment: async (body, idempotencyKey) =>
      named(endpoints.payment, 'payments', { body, ...(idempotencyKey ? { idempotencyKey } : {}) }),
  }
}

function queryOf({ query = {} }: ApiRequest): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  return given.length > 0 ? `?${new URLSearchParams(given)}` : ''
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function errorOf(answer: unknown, status: number): PlinthError {
  const { error, message, code } = (answer ?? {}) as Record<string, unknown>
  const said =
    typeof error === 'object' && error !== null
      ? (error as Record<string, unknown>)
      : { message: error, code }
  const text = said['message'] ?? message ?? `The server answered ${status}.`
  return new PlinthError(String(text), String(said['code'] ?? code ?? 'unknown'), status)
}

function unanswered(error: unknown): PlinthError {
  const isLate = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
  return new PlinthError(
    error instanceof Error ? error.message : String(error),
    isLate ? 'timed_out' : 'unreachable',
    0,
  )
}
