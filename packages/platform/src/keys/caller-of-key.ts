import type { Caller } from '../database/index.ts'
import type { JsonObject } from '../kernel/index.ts'
import type { KnownKey } from './known-keys.ts'

/**
 * On whose behalf a key acts. It is `authenticated`, as its user where it has one, so that policies decide; `key` among
 * the claims says which key, tenant and permissions (`plinth.key_may`). Only a key that acts as the service is
 * `service_role`, and one whose permissions are not all (`*`) stays within them there, too.
 */
export function callerOfKey(key: KnownKey): Caller {
  const { id, name, value, tenant, userId, permissions } = key
  const ofKey = { id, tenant, permissions }
  const shared = {
    reason: `API key ${value} (${name})`,
    ...(permissions.includes('*') ? {} : { permissions }),
  }
  if (key.service) return { role: 'service_role', claims: { role: 'service_role', key: ofKey }, ...shared }
  const claims: JsonObject = { role: 'authenticated', aud: 'authenticated', ...userClaims(key), key: ofKey }
  const share = userId ? `user ${userId}` : `keys of ${tenant ?? id}`
  return { role: 'authenticated', claims, share, permissions, reason: shared.reason }
}

const userClaims = ({ userId, email, appMetadata }: KnownKey): JsonObject =>
  userId === null ? {} : { sub: userId, email: email ?? '', app_metadata: appMetadata ?? {} }
