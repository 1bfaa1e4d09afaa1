import type { Logger } from './logger-service.ts'

/** A failure as an app shows it. */
export interface UserError {
  /** As `docs/errors.md` lists it, or a SQLSTATE; `unreachable`, `timed_out` or `unknown` otherwise. */
  readonly code: string
  /** A sentence for people. */
  readonly message: string
  /** 0 when nobody answered. */
  readonly status: number
  /** True when the same may succeed a moment later. */
  readonly mayRetry: boolean
}

export interface RetryOptions {
  /** Attempts in all. Default 3. */
  readonly attempts?: number
  /** Milliseconds before the second attempt; each further pause is twice as long, ± 20 %. Default 300. */
  readonly pause?: number
}

export interface ErrorHandler {
  /** Logs the failure, tells listeners, and gives what to show. */
  handle(error: unknown, context?: Readonly<Record<string, unknown>>): UserError
  /** Does the work again while it fails for reasons that pass; it must be safe to repeat. */
  retry<T>(work: () => Promise<T>, options?: RetryOptions): Promise<T>
  onError(listener: (error: UserError) => void): () => void
}

export interface ErrorHandlerOptions {
  readonly logger?: Logger
  /** Sentences by code, instead of those of the server. */
  readonly messages?: Readonly<Record<string, string>>
  readonly wait?: (milliseconds: number) => Promise<void>
}

const sentences: Readonly<Record<string, string>> = {
  unreachable: 'There is no connection. Try again when you are online.',
  timed_out: 'This took too long. Try again.',
  unknown: 'Something went wrong. Try again later.',
  '42501': 'You may not do this.',
  '23505': 'This exists already.',
  '23503': 'Something that this refers to does not exist, or is still in use.',
  '23514': 'A value is outside of what is allowed.',
  '23502': 'A value is missing.',
  PGRST116: 'This does not exist any more.',
  PGRST301: 'Sign in again.',
  PGRST303: 'Sign in again.',
}

const passing = new Set([0, 408, 425, 429, 502, 503, 504])

/** What failed and what to tell people, whichever part of supabase-js or of this package it came from. */
export function describeError(error: unknown, messages: Readonly<Record<string, string>> = {}): UserError {
  const { name, message, code, status } = factsOf(error)
  const known = code ?? codeOfName(name, message)
  const shown = messages[known] ?? sentences[known] ?? (status >= 400 && status < 500 ? message : undefined)
  return {
    code: known,
    message: shown ?? sentences['unknown']!,
    status,
    mayRetry: passing.has(status) && (known === 'unreachable' || known === 'timed_out' || status > 0),
  }
}

export function createErrorHandler({
  logger,
  messages,
  wait = pauseFor,
}: ErrorHandlerOptions = {}): ErrorHandler {
  const listeners = new Set<(error: UserError) => void>()
  return {
    handle: (error, context = {}) => {
      const described = describeError(error, messages)
      const log = described.status >= 400 && described.status < 500 ? logger?.warn : logger?.error
      log?.('failed', { ...context, code: described.code, status: described.status, error })
      for (const listener of [...listeners]) listener(described)
      return described
    },
    retry: async (work, { attempts = 3, pause = 300 } = {}) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await work()
        } catch (error) {
          if (attempt >= attempts || !describeError(error, messages).mayRetry) throw error
          await wait(pause * 2 ** (attempt - 1) * (0.8 + Math.random() * 0.4))
        }
      }
    },
    onError: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function factsOf(error: unknown) {
  const { name = '', message, code, status, statusCode } = (error ?? {}) as Record<string, unknown>
  return {
    name: String(name),
    message: String(message ?? error),
    code: typeof code === 'string' && code !== '' ? code : undefined,
    status: Number(status ?? statusCode ?? 0) || 0,
  }
}

function codeOfName(name: string, message: string): string {
  if (name === 'TimeoutError' || name === 'AbortError') return 'timed_out'
  if (name === 'TypeError' || /fetch failed|Failed to fetch|NetworkError|Load failed/i.test(message))
    return 'unreachable'
  return 'unknown'
}

const pauseFor = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
