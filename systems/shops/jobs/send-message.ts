import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import type { OutboundMessage } from '../channels/adapters/channel-adapter.ts'
import type { SendResult } from '../channels/send-message.ts'
import { defineJob } from '../uses.ts'

const mostAttempts = 5

interface Claimed extends OutboundMessage {
  readonly integration: string | null
  readonly platform: string
  readonly attempts: number
}

/** Sends a reply by the channel that its conversation came by: queued by SQL with the reply. */
export const sendMessage = defineJob({
  name: 'send-message',
  summary: 'Sends a reply to a customer by the channel they wrote by.',
  payload: z.object({ message: z.uuid() }),
  attempts: mostAttempts,
  run: async ({ db, channels, signal }, { message: id }) => {
    const platform = await ask<string | null>(db, sql`select private.outbound_platform(${id}) as answer`)
    const mayRepeat = channels.adapter(platform ?? '')?.recognisesRepetition ?? false
    const claimed = await ask<Claimed | null>(
      db,
      sql`select private.claim_outbound(${id}, ${mayRepeat}) as answer`,
    )
    if (!claimed) return
    const sealed = claimed.integration ? await readToken(db, claimed.integration) : null
    const result: SendResult = sealed
      ? await channels.send(
          claimed.platform,
          { ...claimed, text: claimed.text ?? '' },
          channels.open(claimed.integration!, 'access', sealed),
          signal,
        )
      : { state: 'failed', error: 'The shop’s account at the platform is not connected.' }
    const isOver = result.state !== 'later' || claimed.attempts >= mostAttempts
    const state = result.state === 'later' ? (isOver ? 'failed' : 'waiting') : result.state
    const externalId = result.state === 'sent' ? result.externalId : null
    const error = result.state === 'sent' ? null : result.error
    await db.query(sql`select private.finish_outbound(${id}, ${state}, ${externalId}, ${error})`)
    if (!isOver) throw new Error(error ?? '')
  },
})

async function readToken(db: ScopedDatabase, integration: string): Promise<Buffer | null> {
  const { rows } = await db.query<{ token: Buffer | null }>(
    sql`select t.access_token_sealed as token from private.social_tokens t
        join public.social_integrations i on i.id = t.integration_id where i.id = ${integration} and i.is_active`,
  )
  return rows[0]?.token ?? null
}
