import type { IncomingMessage } from 'node:http'
import { addressKey, httpErrors, type ProjectKeys, type Upgrade } from '../../http/index.ts'
import type { Clock } from '../../kernel/index.ts'
import { realtimeErrors } from '../errors.ts'
import type { Holder, Quota } from '../limits/quota.ts'
import type { RealtimeLimits } from '../limits/realtime-limits.ts'
import { isVersion, type Version } from '../protocol/client-message.ts'

/** A client that may come in. */
export interface Admitted {
  readonly version: Version
  readonly apiKey: string
  /** Whom it is counted for; null for the service role, which is not counted by address. */
  readonly address: string | null
  /** Gives its place back. May be called more than once. */
  leave(): void
}

export interface AdmissionOptions {
  readonly keys: ProjectKeys
  readonly clock: Clock
  readonly limits: RealtimeLimits['connections']
  readonly quota: Quota
}

/**
 * Checks who asks for a WebSocket and takes a place for it. Fails with `not_found`, `unsupported_protocol`,
 * `missing_key`, `invalid_key` or `too_many_connections`.
 */
export async function admit(
  { keys, clock, limits, quota }: AdmissionOptions,
  { request, path, query, clientAddress }: Upgrade,
): Promise<Admitted> {
  if (path !== '/websocket') throw httpErrors.not_found({ path: `/realtime/v1${path}` })
  const version = query.get('vsn') ?? '1.0.0'
  if (!isVersion(version)) throw realtimeErrors.unsupported_protocol({ version: version.slice(0, 20) })
  const apiKey = query.get('apikey') ?? headerOf(request, 'apikey')
  if (!apiKey) throw httpErrors.missing_key()
  const claims = await keys.verify(apiKey, clock).catch((cause: unknown) => {
    throw httpErrors.invalid_key({}, cause)
  })
  const address = claims.role === 'service_role' ? null : addressKey(clientAddress)
  const holders = holdersOf(address, limits)
  const full = quota.take(1, holders)
  if (full) throw realtimeErrors.too_many_connections({ holder: full.kind, limit: full.limit })
  let isInside = true
  const leave = () => {
    if (isInside) quota.give(1, holders)
    isInside = false
  }
  return { version, apiKey, address, leave }
}

function holdersOf(address: string | null, limits: RealtimeLimits['connections']): readonly Holder[] {
  const project = { kind: 'project', key: 'project', limit: limits.project }
  if (address === null) return [project]
  return [{ kind: 'client address', key: `address ${address}`, limit: limits.address }, project]
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
