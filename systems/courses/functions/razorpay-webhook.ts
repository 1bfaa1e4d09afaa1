import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/**
 * What Razorpay reports (C-F1): checked over the bytes as they came, stored once, logged with its whole body. What follows
 * from it (the registration, messages) is done by a job a moment later, so that the answer never waits for it.
 */
export const razorpayWebhook = defineFunction({
  name: 'razorpay-webhook',
  summary: 'Takes a webhook of Razorpay.',
  access: 'webhook',
  // Razorpay delivers in bursts, from a few addresses.
  limit: { calls: 60_000, seconds: 60, per: 'everyone' },
  bodyLimit: 256 * 1024,
  input: z.unknown(),
  output: z.object({ received: z.literal(true) }),
  handle: async ({ rawBody, request, payments, asService }) => {
    const header = (name: string) => request.headers.get(name) ?? undefined
    const received = await payments.receive('razorpay', rawBody, header)
    const { payload, kind, id } = readBody(rawBody)
    await asService('a webhook whose signature fits is logged').query(
      sql`select private.log_webhook('razorpay', ${received?.eventId ?? header('x-razorpay-event-id') ?? id},
        ${received?.kind ?? kind}, ${payload})`,
    )
    return { received: true as const }
  },
})

/** The body as JSON that PostgreSQL takes: jsonb has no character 0. It was parsed before, when its signature was checked. */
function readBody(bytes: Uint8Array) {
  const payload = new TextDecoder().decode(bytes).replaceAll('\\u0000', '\\ufffd')
  const { event, created_at } = JSON.parse(payload) as { event: string; created_at?: number }
  return { payload, kind: event, id: `${event} ${created_at ?? ''}` }
}
