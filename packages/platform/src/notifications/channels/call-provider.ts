import { messageOf } from '../../kernel/index.ts'
import { HandoverError, type NotTaken } from '../../messages/index.ts'

/** How long a provider may take to answer, in milliseconds. */
const patience = 20_000
const longestProblem = 500

export interface ProviderCall {
  readonly provider: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal?: AbortSignal | undefined
}

/** What a provider answered with a status below 300. */
export interface ProviderAnswer {
  readonly headers: Headers
  readonly text: string
}

/**
 * Posts to a provider. Fails with a {@link HandoverError} that says what is known: a refusal is certain, a connection that
 * was never made as well; an answer that is missing or says that the server failed leaves it open.
 */
export async function callProvider(call: ProviderCall): Promise<ProviderAnswer> {
  const { provider, url, headers, body, signal } = call
  const timeout = AbortSignal.timeout(patience)
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    text = await answer.text()
  } catch (error) {
    throw new HandoverError(wasConnected(error) ? 'unknown' : 'later', `${provider}: ${messageOf(error)}`, {
      cause: error,
    })
  }
  if (answer.ok) return { headers: answer.headers, text }
  const problem = `${provider} answered ${answer.status}: ${text.slice(0, longestProblem)}`
  throw new HandoverError(takenAt(answer.status), problem, pauseOf(answer))
}

const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

function wasConnected(error: unknown): boolean {
  const cause = (error as { readonly cause?: { readonly code?: string } }).cause
  return !neverConnected.has(cause?.code ?? '')
}

/** Refused for now: too many at once, or a key that is wrong until somebody corrects it. */
export function takenAt(status: number): NotTaken {
  if (status === 429 || status === 401 || status === 403) return 'later'
  return status >= 500 || status === 408 ? 'unknown' : 'never'
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), at most an hour. */
export function pauseOf(answer: Pick<Response, 'status' | 'headers'>): { readonly pause?: number } {
  const given = answer.headers.get('retry-after')
  if (answer.status !== 429 && answer.status !== 503) return {}
  const seconds =
    given === null ? 30 : /^\d+$/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000
  return { pause: Math.min(Math.max(Number.isFinite(seconds) ? seconds : 30, 1), 3_600) * 1000 }
}
