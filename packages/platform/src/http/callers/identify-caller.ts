import { type Caller, isRequestRole } from '../../database/index.ts'
import type { Clock, JsonObject } from '../../kernel/index.ts'
import type { Cors } from '../cors/cors.ts'
import { httpErrors } from '../errors.ts'
import type { ProjectKeys } from '../keys/project-keys.ts'
import type { CallerSource, RequestFacts } from './caller-source.ts'
import { requireOwnOrigin } from './require-own-origin.ts'

/** What a request shows of itself. */
export interface Credentials {
  /** `apikey` header or query parameter. */
  readonly apiKey: string | undefined
  /** Token of `Authorization: Bearer …`. */
  readonly bearer: string | undefined
}

/** How a project tells its callers apart. */
export interface CallerChain {
  readonly keys: ProjectKeys
  /** Asked in this order. */
  readonly sources: readonly CallerSource[]
  readonly cors: Cors
  /** The server's address as its own pages see it, where one is configured. */
  readonly publicUrl?: string | undefined
}

/** Reads the credentials as Supabase's clients send them; a browser's WebSocket can only use the query string. */
export function readCredentials(
  header: (name: string) => string | undefined,
  query: URLSearchParams | undefined,
): Credentials {
  const authorization = header('authorization') ?? ''
  const bearer = /^bearer\s/i.test(authorization) ? authorization.slice('bearer '.length).trim() : ''
  return {
    apiKey: header('apikey') ?? query?.get('apikey') ?? undefined,
    bearer: bearer === '' ? undefined : bearer,
  }
}

/**
 * Says who asks: what a source recognises, else the bearer token's subject, else the API key's role, else nobody (anon).
 * What a browser sends by itself comes last and never replaces a user or the service. Fails with `missing_key`,
 * `invalid_key`, `invalid_token`, `expired_token`, `csrf_refused` or the source's own error.
 */
export async function identifyCaller(
  chain: CallerChain,
  credentials: Credentials,
  facts: RequestFacts,
  { clock, needsKey }: { readonly clock: Clock; readonly needsKey: boolean },
): Promise<Caller> {
  const { keys, sources } = chain
  for (const source of sources) {
    const caller = source.isAmbient ? null : await source.identify(facts)
    if (caller) return caller
  }
  const explicit = await callerByKeys(keys, credentials, clock)
  if (explicit && explicit.role !== 'anon') return explicit
  for (const source of sources) {
    const caller = source.isAmbient ? await source.identify(facts) : null
    if (!caller) continue
    requireOwnOrigin(facts, chain)
    return caller
  }
  if (explicit) return explicit
  if (needsKey) throw httpErrors.missing_key()
  return callerOf({ role: 'anon' })
}

/** Who asks by the project's keys and tokens alone; undefined when the request carries none. */
export async function callerByKeys(
  keys: ProjectKeys,
  { apiKey, bearer }: Credentials,
  clock: Clock,
): Promise<Caller | undefined> {
  if (!apiKey && !bearer) return undefined
  const keyClaims = apiKey ? await verifyKey(keys, apiKey, clock) : undefined
  const claims = !bearer || bearer === apiKey ? keyClaims : await keys.verify(bearer, clock)
  return callerOf(claims!)
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
