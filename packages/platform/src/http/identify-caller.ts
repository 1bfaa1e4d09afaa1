import { type Caller, isRequestRole } from '../database/index.ts'
import type { Clock, JsonObject } from '../kernel/index.ts'
import { httpErrors } from './errors.ts'
import type { ProjectKeys } from './keys/project-keys.ts'

/** What a request shows of itself. */
export interface Credentials {
  /** `apikey` header or query parameter. */
  readonly apiKey: string | undefined
  /** Token of `Authorization: Bearer …`. */
  readonly bearer: string | undefined
}

/** Reads the credentials as Supabase's clients send them; a browser's WebSocket can only use the query string. */
export function readCredentials(
  header: (name: string) => string | undefined,
  query: URLSearchParams | undefined,
): Credentials {
  const bearer = /^bearer\s+(.+)$/i.exec(header('authorization') ?? '')?.[1]
  return { apiKey: header('apikey') ?? query?.get('apikey') ?? undefined, bearer }
}

/**
 * Says who asks: the bearer token's subject, else the API key's role, else nobody (anon). Fails with `missing_key`,
 * `invalid_key`, `invalid_token` or `expired_token`.
 */
export async function identifyCaller(
  keys: ProjectKeys,
  { apiKey, bearer }: Credentials,
  { clock, needsKey }: { readonly clock: Clock; readonly needsKey: boolean },
): Promise<Caller> {
  if (needsKey && !apiKey && !bearer) throw httpErrors.missing_key()
  const keyClaims = apiKey === undefined ? undefined : await verifyKey(keys, apiKey, clock)
  const claims = bearer === undefined || bearer === apiKey ? keyClaims : await keys.verify(bearer, clock)
  return callerOf(claims ?? { role: 'anon' })
}

async function verifyKey(keys: ProjectKeys, apiKey: string, clock: Clock): Promise<JsonObject> {
  try {
    return await keys.verify(apiKey, clock)
  } catch (cause) {
    throw httpErrors.invalid_key({}, cause)
  }
}

function callerOf(claims: JsonObject): Caller {
  const role = claims.role ?? 'anon'
  if (typeof role !== 'string' || !isRequestRole(role)) throw httpErrors.invalid_token()
  return { role, claims }
}
