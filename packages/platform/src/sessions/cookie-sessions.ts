import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeJwt } from 'jose'
import { userCaller } from '../database/index.ts'
import { type CallerSource, httpErrors, type ProjectKeys, type RequestFacts } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { BaseRouteContext } from '../routes/index.ts'
import { sessionErrors } from './errors.ts'

/** What auth gives to who signs in. */
export interface SessionTokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** The part of a handler's context that a session is kept by. */
export type SessionScope = Pick<BaseRouteContext, 'cookies' | 'request'>

/** Sessions of browsers in cookies that scripts cannot read: what handlers find as `ctx.sessions`. */
export interface CookieSessions {
  /**
   * Sets the cookies of a session that auth has begun or refreshed; gives its CSRF token. Fails with `csrf_refused` when a page of
   * another origin asks: it could sign its visitors in as somebody else.
   */
  begin(scope: SessionScope, tokens: SessionTokens): string
  /** The refresh token of the cookies, null without one. Fails with `csrf_token_wrong`. */
  refreshToken(scope: SessionScope): string | null
  /** The CSRF token of the session in the cookies; null without one. */
  csrfToken(scope: SessionScope): string | null
  /** The access token in the cookies; null without one. */
  accessToken(scope: SessionScope): string | null
  end(scope: SessionScope): void
}

export interface CookieSessionOptions {
  readonly system: string
  readonly keys: ProjectKeys
  /** From which CSRF tokens are derived. */
  readonly key: Buffer
  readonly clock: Clock
  /** The project's address. */
  readonly url: string
  /** Seconds for which a browser keeps the cookies after it was closed. */
  readonly seconds: number
}

const csrfHeader = 'x-csrf-token'
const changesNothing = new Set(['GET', 'HEAD', 'OPTIONS'])

export function createCookieSessions(options: CookieSessionOptions): CookieSessions {
  const { url, seconds } = options
  const { access, refresh } = namesOf(options)
  /** The refresh token, behind the id of its session, of which the CSRF token follows. */
  const kept = ({ cookies }: SessionScope) => /^([0-9a-f-]{36})\.(.+)$/.exec(cookies.get(refresh) ?? '')
  return {
    begin: (scope, tokens) => {
      requireOwnPage(scope.request, url)
      const session = String(decodeJwt(tokens.access_token)['session_id'])
      scope.cookies.set(access, tokens.access_token, { maxAge: seconds })
      scope.cookies.set(refresh, `${session}.${tokens.refresh_token}`, { maxAge: seconds })
      return csrfTokenOf(options, session)
    },
    refreshToken: (scope) => {
      const found = kept(scope)
      if (!found) return null
      requireCsrfToken(options, found[1]!, scope.request.headers.get(csrfHeader))
      return found[2]!
    },
    csrfToken: (scope) => {
      const found = kept(scope)
      return found ? csrfTokenOf(options, found[1]!) : null
    },
    accessToken: ({ cookies }) => cookies.get(access) ?? null,
    end: ({ cookies }) => {
      cookies.delete(access)
      cookies.delete(refresh)
    },
  }
}

/** Who signed in by cookies; a request that changes something needs the CSRF token of the session too. */
export const cookieCaller = (options: CookieSessionOptions): CallerSource => ({
  name: 'session cookie',
  isAmbient: true,
  identify: async (facts: RequestFacts) => {
    const token = facts.cookie(namesOf(options).access)
    if (token === undefined) return null
    // A cookie that is over or broken is no cookie: the page refreshes its session.
    const claims = await options.keys.verify(token, options.clock).catch(() => null)
    if (claims?.['role'] !== 'authenticated' || typeof claims['sub'] !== 'string') return null
    if (!changesNothing.has(facts.method))
      requireCsrfToken(options, String(claims['session_id']), facts.header(csrfHeader))
    return userCaller(claims['sub'], claims)
  },
})

const namesOf = ({ system }: CookieSessionOptions) => ({
  access: `${system}-access`,
  refresh: `${system}-refresh`,
})

const csrfTokenOf = ({ key }: CookieSessionOptions, session: string): string =>
  createHmac('sha256', key).update(session).digest('base64url')

function requireCsrfToken(
  options: CookieSessionOptions,
  session: string,
  given: string | null | undefined,
): void {
  const wanted = Buffer.from(csrfTokenOf(options, session))
  const sent = Buffer.from(given ?? '')
  if (sent.length !== wanted.length || !timingSafeEqual(sent, wanted)) throw sessionErrors.csrf_token_wrong()
}

/** A page of another origin names itself (Fetch: every request that is not GET or HEAD); a program names none. */
function requireOwnPage(request: Request, url: string): void {
  const origin = request.headers.get('origin')
  if (origin === null) return
  const host = URL.canParse(origin) ? new URL(origin).host : ''
  if (host !== new URL(request.url).host && host !== new URL(url).host)
    throw httpErrors.csrf_refused({ origin })
}
