import type { RequestFacts } from '../http/index.ts'
import { keyErrors } from './errors.ts'
import { isKeyText, keyStart } from './key-text.ts'

/** Names under which people put keys into addresses. */
const addressNames = ['apikey', 'api_key', 'key', 'token', 'access_token']

/**
 * The API key of a request: in `x-api-key`, in `apikey` or as bearer token, as supabase-js sends it; null when there is
 * none. Fails with `key_in_address`, `key_beside_others` when something else says who asks, or `key_unknown` for what
 * cannot be a key.
 */
export function keyOfRequest(
  { header, query }: Pick<RequestFacts, 'header' | 'query'>,
  anonKey: string,
): string | null {
  const named = header('x-api-key')
  const apiKey = header('apikey')
  const authorization = header('authorization')
  const bearer = authorization && /^bearer\s/i.test(authorization) ? authorization.slice(7).trim() : undefined
  const found = named ?? [apiKey, bearer].find((text) => text?.startsWith(keyStart))
  if (found === undefined) {
    if (addressNames.some((name) => query(name)?.startsWith(keyStart))) throw keyErrors.key_in_address()
    return null
  }
  const others = [apiKey, bearer].filter((text) => text !== undefined && text !== '' && text !== found)
  if (others.some((text) => text !== anonKey)) throw keyErrors.key_beside_others()
  if (!isKeyText(found)) throw keyErrors.key_unknown()
  return found
}
