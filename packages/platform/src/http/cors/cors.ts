import { httpErrors } from '../errors.ts'

/** Which pages of other origins may call a project from a browser. */
export interface Cors {
  /** `*`, or origins such as `https://app.example.com`. */
  readonly origins: '*' | readonly string[]
  /** True: those pages' requests may carry cookies. */
  readonly credentials: boolean
}

/** Any page may call, and none with cookies: keys and tokens, which a page must hold itself, say who asks. */
export const openCors: Cors = { origins: '*', credentials: false }

/**
 * A project's CORS, checked. Default: {@link openCors}. Fails with `invalid_cors` for an origin that is none, and for
 * cookies from any origin, by which every page on the web could act as the user who looks at it.
 */
export function defineCors({ origins = '*', credentials = false }: Partial<Cors> = {}): Cors {
  if (origins === '*') {
    if (credentials) throw httpErrors.invalid_cors({ problem: 'credentials need a list of origins' })
    return openCors
  }
  const wrong = origins.find((origin) => !isOrigin(origin))
  if (wrong !== undefined) throw httpErrors.invalid_cors({ problem: `${JSON.stringify(wrong)} is no origin` })
  return { origins: [...origins], credentials }
}

const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text

export const isAllowedOrigin = ({ origins }: Cors, origin: string): boolean =>
  origins === '*' || origins.includes(origin)

/** What lets the page of `origin` read an answer, by header name; null removes a header that every answer has. */
export function corsHeaders(
  cors: Cors,
  origin: string | undefined,
): readonly (readonly [name: string, value: string | null])[] {
  if (cors.origins === '*') return []
  if (origin === undefined || !isAllowedOrigin(cors, origin)) {
    return [
      ['access-control-allow-origin', null],
      ['vary', 'Origin'],
    ]
  }
  return [
    ['access-control-allow-origin', origin],
    ...(cors.credentials ? ([['access-control-allow-credentials', 'true']] as const) : []),
    ['vary', 'Origin'],
  ]
}
