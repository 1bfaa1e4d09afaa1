import { type ScopedDatabase, sql } from '@plinth/platform/database'
import type { Channels } from './capability.ts'
import type { Grant } from './oauth.ts'

/** Keeps an account's tokens, sealed; a refresh token that the platform did not renew stays. */
export async function storeGrant(
  db: ScopedDatabase,
  channels: Channels,
  integration: string,
  { accessToken, refreshToken, expiresAt }: Grant,
): Promise<void> {
  const access = channels.seal(integration, 'access', accessToken)
  const refresh = refreshToken === null ? null : channels.seal(integration, 'refresh', refreshToken)
  await db.query(sql`
    with token as (
      insert into private.social_tokens as t (integration_id, access_token_sealed, refresh_token_sealed)
      values (${integration}, ${access}, ${refresh})
      on conflict (integration_id) do update
        set access_token_sealed = excluded.access_token_sealed,
          refresh_token_sealed = coalesce(excluded.refresh_token_sealed, t.refresh_token_sealed)
      returning integration_id
    )
    update public.social_integrations i set token_expires_at = ${expiresAt}, is_active = true, last_error = null
    from token where i.id = token.integration_id`)
}
