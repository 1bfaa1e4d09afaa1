import { type CallerSource, httpErrors, type RequestFacts } from '../http/index.ts'
import { callerOfKey } from './caller-of-key.ts'
import { keyOfRequest } from './key-of-request.ts'
import type { KnownKey, KnownKeys } from './known-keys.ts'
import { type CallLimits, windowSeconds } from './limits/call-limits.ts'
import type { UsageLog } from './usage/usage-log.ts'

export interface IdentifyOptions {
  readonly anonKey: string
  readonly known: KnownKeys
  readonly limits: CallLimits
  readonly usage: UsageLog
  /** Calls in an hour, where the key does not say. */
  readonly callsPerHour: number
}

/** Lets requests in by `sk_…` keys: looks the key up, counts the call, tells what is left, and logs it once it is answered. */
export function identifyByKey({
  anonKey,
  known,
  limits,
  usage,
  callsPerHour,
}: IdentifyOptions): CallerSource {
  async function countCall(key: KnownKey, facts: RequestFacts, began: number): Promise<void> {
    const limit = key.rateLimit ?? callsPerHour
    const { allowed, remaining, seconds } = await limits.take(key.id, limit)
    facts.setHeader('ratelimit-policy', `${limit};w=${windowSeconds}`)
    facts.setHeader('ratelimit-limit', String(limit))
    facts.setHeader('ratelimit-remaining', String(remaining))
    facts.setHeader('ratelimit-reset', String(seconds))
    const { method, path, clientAddress } = facts
    facts.whenAnswered((status) =>
      usage.note({
        keyId: key.id,
        tenant: key.tenant,
        method,
        path,
        status,
        milliseconds: performance.now() - began,
        address: clientAddress,
        counted: allowed,
      }),
    )
    if (allowed) return
    facts.setHeader('retry-after', String(seconds))
    throw httpErrors.too_many_requests({ limit, window: windowSeconds, seconds })
  }

  return {
    name: 'API key',
    identify: async (facts) => {
      const text = keyOfRequest(facts, anonKey)
      if (text === null) return null
      const began = performance.now()
      const key = await known.require(text, facts.clientAddress)
      await countCall(key, facts, began)
      return callerOfKey(key)
    },
  }
}
