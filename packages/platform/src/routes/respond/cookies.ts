import { type CookieOptions, serialize } from 'hono/utils/cookie'
import { readCookie } from '../../http/index.ts'

/** Cookies of the request and of the answer. */
export interface Cookies {
  get(name: string): string | undefined
  /**
   * Default: not for scripts, not sent from other sites (Lax), below the project's address only, encrypted connections
   * only where the request came by one, gone with the browser's session.
   */
  set(name: string, value: string, options?: CookieOptions): void
  delete(name: string, options?: Pick<CookieOptions, 'path' | 'domain'>): void
}

export interface CookiesOptions {
  /** The request's `Cookie` header. */
  readonly header: string | undefined
  /** The project's path as the client used it: `/shops`, or `/` where its host name says it. */
  readonly path: string
  readonly secure: boolean
  /** Takes a `Set-Cookie` header. */
  add(setCookie: string): void
}

export function createCookies({ header, path, secure, add }: CookiesOptions): Cookies {
  const defaults: CookieOptions = { path, secure, httpOnly: true, sameSite: 'Lax' }
  return {
    get: (name) => readCookie(header, name),
    set: (name, value, options) => add(serialize(name, value, { ...defaults, ...options })),
    delete: (name, options) => add(serialize(name, '', { ...defaults, ...options, maxAge: 0 })),
  }
}
