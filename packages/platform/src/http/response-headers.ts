/** Headers that a browser of another origin may read from an answer. */
const exposedHeaders: readonly string[] = [
  'Content-Range',
  'Content-Location',
  'Idempotency-Replayed',
  'Location',
  'Link',
  'Preference-Applied',
  'Range-Unit',
  'RateLimit-Limit',
  'RateLimit-Policy',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'X-Request-Id',
  'X-Total-Count',
  'X-Supabase-Api-Version',
]

/**
 * On every answer: any origin may read it (keys, not cookies, say who asks), nobody may frame it, guess its type or keep it
 * from being encrypted (OWASP HTTP Headers). Set on the socket's side before the answer is made: added to a finished
 * Response they would make Hono copy it, body and all.
 */
export const fixedHeaders: readonly (readonly [name: string, value: string])[] = [
  ['access-control-allow-origin', '*'],
  ['access-control-expose-headers', exposedHeaders.join(',')],
  ['cross-origin-resource-policy', 'cross-origin'],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
]

/** On answers over HTTPS only: a browser ignores it elsewhere, and a host without HTTPS could not be reached any more. */
export const transportSecurity = ['strict-transport-security', 'max-age=31536000'] as const
