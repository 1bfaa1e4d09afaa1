import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { hasCode } from '@plinth/platform/kernel'
import { z } from 'zod'
import type { Channels } from '../channels/capability.ts'
import type { Platform } from '../channels/settings.ts'
import { storeGrant } from '../channels/store-grant.ts'
import { defineJob } from '../uses.ts'

interface Due {
  readonly id: string
  readonly platform: Platform
  readonly refresh: Buffer
}

/** Renews OAuth tokens a day before they end. An account whose token is not renewed any more is switched off, with the reason. */
export const refreshSocialTokens = defineJob({
  name: 'refresh-social-tokens',
  summary: 'Renews the OAuth tokens of social accounts before they end.',
  schedule: { line: '20 * * * *', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ db, channels, log, signal }) => {
    const { rows } = await db.query<Due & Record<string, unknown>>(sql`
      select i.id, i.platform, t.refresh_token_sealed as refresh
      from public.social_integrations i join private.social_tokens t on t.integration_id = i.id
      where i.is_active and t.refresh_token_sealed is not null and i.token_expires_at < plinth.now() + interval '1 day'
      order by i.token_expires_at limit 500`)
    for (const due of rows) {
      signal.throwIfAborted()
      await renew(db, channels, due).catch((error: unknown) =>
        log.warn({ error, integration: due.id }, 'a token was not renewed'),
      )
    }
  },
})

async function renew(db: ScopedDatabase, channels: Channels, { id, platform, refresh }: Due): Promise<void> {
  try {
    const grant = await channels.oauth.refresh(platform, channels.open(id, 'refresh', refresh))
    await storeGrant(db, channels, id, grant)
  } catch (error) {
    if (!hasCode(error, 'oauth_refused')) throw error
    await db.query(sql`
      update public.social_integrations set is_active = false, last_error = 'The platform does not renew the token any more.'
      where id = ${id}`)
  }
}
