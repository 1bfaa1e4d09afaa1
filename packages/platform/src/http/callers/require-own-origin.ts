import { type Cors, isAllowedOrigin } from '../cors/cors.ts'
import { httpErrors } from '../errors.ts'
import type { RequestFacts } from './caller-source.ts'

const changesNothing = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Fails with `csrf_refused` when a request that changes something by a cookie does not come from a page of the server's
 * own origin or of one that the project allows (OWASP: verify the origin with standard headers). Every browser names the
 * origin of such a request; one that names none is refused.
 */
export function requireOwnOrigin(
  { method, header }: Pick<RequestFacts, 'method' | 'header'>,
  { cors, publicUrl }: { readonly cors: Cors; readonly publicUrl?: string | undefined },
): void {
  if (changesNothing.has(method)) return
  const origin = header('origin') ?? originOf(header('referer'))
  if (origin !== undefined) {
    const host = hostOf(origin)
    const isOwn = host !== undefined && (host === header('host')?.toLowerCase() || host === hostOf(publicUrl))
    if (isOwn || (cors.credentials && isAllowedOrigin(cors, origin))) return
  }
  throw httpErrors.csrf_refused({ origin: origin ?? 'an unnamed origin' })
}

const originOf = (referer: string | undefined): string | undefined =>
  referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined

const hostOf = (origin: string | undefined): string | undefined =>
  origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined
