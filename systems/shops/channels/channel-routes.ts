import { type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { shopErrors } from '../errors.ts'
import { takeMessage } from '../replies/reply-to-message.ts'
import { defineRoute } from '../uses.ts'
import type { InboundMessage } from './adapters/channel-adapter.ts'

const params = z.object({ integrationId: z.uuid() })

/** Messages of one delivery; platforms send a few at a time. */
const mostMessages = 100
/** A provider's ids are far shorter; an index takes no longer ones. */
const longestId = 400

/** Takes a platform's webhook: checked over its bytes, each message stored once by the platform's id. */
const receiveMessages = defineRoute({
  method: 'POST',
  path: '/channels/:integrationId',
  summary: 'What a messaging platform delivers for a shop’s account.',
  access: 'webhook',
  limit: { calls: 6_000, seconds: 60, per: 'everyone' },
  bodyLimit: 512 * 1024,
  params,
  responses: { 200: z.object({ received: z.number() }) },
  handle: async ({ asService, rawBody, request, channels }, { params: { integrationId } }) => {
    const db = asService('a platform delivers messages')
    const account = await readAccount(db, integrationId)
    const adapter = account && channels.adapter(account.platform)
    if (!account?.webhook_secret_sealed || !adapter) throw shopErrors.unknown_channel()
    const secret = channels.open(integrationId, 'webhook', account.webhook_secret_sealed)
    if (!adapter.isGenuine(rawBody, (name) => request.headers.get(name), secret))
      throw shopErrors.channel_signature_invalid()
    const messages = adapter.read(parse(rawBody)).filter(isStorable).slice(0, mostMessages)
    let received = 0
    for (const message of messages) if (await takeMessage(db, channels, integrationId, message)) received += 1
    return { received }
  },
})

const isStorable = ({ externalId, customer }: InboundMessage) =>
  externalId.length <= longestId && customer.length > 0 && customer.length <= longestId

/** Meta asks for its challenge before it delivers. */
const confirmChannel = defineRoute({
  method: 'GET',
  path: '/channels/:integrationId',
  summary: 'Confirms a webhook to Meta.',
  access: 'webhook',
  params,
  query: z.object({
    'hub.verify_token': z.string().max(200),
    'hub.challenge': z.string().regex(/^[\w-]{1,200}$/),
  }),
  responses: { 200: 'text/plain' },
  handle: ({ channels }, { params: { integrationId }, query }) => {
    if (!channels.isVerifyToken(integrationId, query['hub.verify_token'])) throw shopErrors.unknown_channel()
    return new Response(query['hub.challenge'], { headers: { 'content-type': 'text/plain' } })
  },
})

export const channelRoutes = [receiveMessages, confirmChannel]

interface Account {
  readonly platform: string
  readonly webhook_secret_sealed: Buffer | null
}

async function readAccount(db: ScopedDatabase, integration: string): Promise<Account | undefined> {
  const { rows } = await db.query<Account & Record<string, unknown>>(
    sql`select i.platform, t.webhook_secret_sealed from public.social_integrations i
        join private.social_tokens t on t.integration_id = i.id where i.id = ${integration} and i.is_active`,
    { readOnly: true },
  )
  return rows[0]
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null
  }
}
