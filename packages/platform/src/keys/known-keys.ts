import { LRUCache } from 'lru-cache'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { addressKey, type Limiter } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import { createRecall, type Signals } from '../signals/index.ts'
import { keyErrors } from './errors.ts'
import { hashKey } from './key-text.ts'

/** A key as a request needs it. */
export interface KnownKey {
  readonly id: string
  readonly name: string
  /** Its first letters. */
  readonly value: string
  readonly tenant: string | null
  readonly userId: string | null
  readonly email: string | null
  readonly appMetadata: Readonly<Record<string, never>> | null
  readonly permissions: readonly string[]
  /** Calls in an hour; null for the project's setting. */
  readonly rateLimit: number | null
  readonly service: boolean
  readonly isActive: boolean
  readonly revokedAt: string | null
  readonly validUntil: string | null
  readonly expiresAt: string | null
  readonly bannedUntil: string | null
}

/** A key that was revoked opens nothing after this, milliseconds, whatever happens to signals; with them, at once. */
export const longestTrust = 10_000

export interface KnownKeysOptions {
  readonly database: ProjectDatabase
  readonly signals: Signals
  /** Counts keys that are not there, by address. */
  readonly unknown: Limiter
  readonly clock: Clock
  /** A key whose text SQL made waits to be sealed. */
  onPlain(): void
}

export interface KnownKeys {
  /**
   * The key of this text. Fails with `key_unknown`, `key_revoked`, `key_expired`, or `too_many_unknown_keys` for an
   * address that guesses.
   */
  require(text: string, clientAddress: string): Promise<KnownKey>
  forgetAll(): void
}

export function createKnownKeys({ database, signals, unknown, clock, onPlain }: KnownKeysOptions): KnownKeys {
  const recall = createRecall<KnownKey | null>({
    load: (hash) => readKey(database, Buffer.from(hash, 'base64url')),
    max: 10_000,
    maxAge: longestTrust,
    isLive: () => signals.isLive(),
  })
  /** Hashes that were found once: their holders do not pay for others at their address who guess. */
  const proven = new LRUCache<string, true>({ max: 10_000 })
  signals.subscribe('plinth_keys', {
    heard: (payload) => {
      if (payload === 'plain') onPlain()
      else recall.forgetWhere((key) => payload === '*' || key === null || key.id === payload)
    },
    missed: () => {
      recall.forgetAll()
      onPlain()
    },
  })

  async function find(hash: string, clientAddress: string): Promise<KnownKey> {
    const address = addressKey(clientAddress)
    const seconds = proven.has(hash) ? 0 : await unknown.look(address)
    if (seconds > 0) throw keyErrors.too_many_unknown_keys({ seconds })
    const key = await recall.get(hash)
    if (key === null) {
      await unknown.count(address)
      throw keyErrors.key_unknown()
    }
    proven.set(hash, true)
    return key
  }

  return {
    require: async (text, clientAddress) => {
      const key = await find(hashKey(text).toString('base64url'), clientAddress)
      requireValid(key, clock.now())
      return key
    },
    forgetAll: () => recall.forgetAll(),
  }
}

function requireValid(key: KnownKey, now: Date): void {
  const isPast = (instant: string | null) => instant !== null && new Date(instant) <= now
  if (key.revokedAt !== null || !key.isActive) throw keyErrors.key_revoked()
  if (isPast(key.expiresAt) || isPast(key.validUntil)) throw keyErrors.key_expired()
  if (key.bannedUntil !== null && !isPast(key.bannedUntil)) throw keyErrors.key_revoked()
}

async function readKey(database: ProjectDatabase, hash: Buffer): Promise<KnownKey | null> {
  const { rows } = await database.asOwner<KnownKey & Record<string, never>>({
    name: 'plinth_read_key',
    ...sql`
      select k.id::text as id, k.name, k.value, k.tenant::text as tenant, k.user_id::text as "userId", k.permissions,
        k.rate_limit::int as "rateLimit", k.service, k.is_active as "isActive", k.expires_at as "expiresAt",
        h.revoked_at as "revokedAt", h.valid_until as "validUntil",
        u.email, u.raw_app_meta_data as "appMetadata", u.banned_until as "bannedUntil"
      from plinth.key_hashes h
      join plinth.keys k on k.id = h.key_id
      left join auth.users u on u.id = k.user_id
      where h.hash = ${hash}`,
  })
  return rows[0] ?? null
}
