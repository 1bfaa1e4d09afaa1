import { createHash, createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import type { Fact } from './facts.ts'

/** One event of SendGrid's Event Webhook; other members are kept in the raw text. */
const eventSchema = z.looseObject({
  event: z.string(),
  email: z.string().max(320),
  /** Seconds since 1970; a Date knows no more. */
  timestamp: z.number().min(0).max(8_640_000_000_000),
  sg_event_id: z.string().min(1).max(200).optional(),
  sg_message_id: z.string().max(300).optional(),
  plinth_id: z.string().max(100).optional(),
  type: z.string().optional(),
})
type SendGridEvent = z.output<typeof eventSchema>

const kinds: Readonly<Record<string, Fact['kind']>> = {
  processed: 'accepted',
  delivered: 'delivered',
  open: 'opened',
  click: 'opened',
  bounce: 'bounced',
  dropped: 'failed',
  spamreport: 'complained',
  unsubscribe: 'unsubscribed',
  group_unsubscribe: 'unsubscribed',
}

/** How old a signed callback may be, in seconds. */
const tolerance = 600

/**
 * Whether SendGrid signed these bytes: ECDSA over P-256 and SHA-256 of timestamp and body, with the key that it shows in
 * its settings (base64, DER).
 */
export function isSignedBySendGrid(
  publicKey: string,
  { signature, timestamp, body, now }: { signature: string; timestamp: string; body: Buffer; now: Date },
): boolean {
  const seconds = Number(timestamp)
  if (!Number.isFinite(seconds) || Math.abs(now.getTime() / 1000 - seconds) > tolerance) return false
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return verify(
      'sha256',
      Buffer.concat([Buffer.from(timestamp), body]),
      key,
      Buffer.from(signature, 'base64'),
    )
  } catch {
    return false
  }
}

/** The facts of a callback; an event that means nothing here is kept as `other`. */
export function readSendGridEvents(body: Buffer): Fact[] {
  const events = z.array(eventSchema).max(10_000).parse(JSON.parse(body.toString()))
  return events.map((event) => {
    const kind = kinds[event.event] ?? 'other'
    return {
      provider: 'sendgrid',
      event: event.sg_event_id ?? createHash('sha256').update(JSON.stringify(event)).digest('base64url'),
      kind,
      delivery: event.plinth_id ?? null,
      // Its id begins with what Mail Send answered, up to the first dot.
      providerId: event.sg_message_id?.split('.')[0] ?? null,
      ...closing(event, kind),
      at: new Date(event.timestamp * 1000),
      raw: JSON.stringify(event),
    }
  })
}

function closing({ email, type }: SendGridEvent, kind: Fact['kind']): Pick<Fact, 'closes'> {
  const closes = (scope: 'all' | 'marketing') => ({
    closes: { channel: 'email' as const, address: email, scope },
  })
  // `blocked` is a refusal for now: a full mailbox, a reputation.
  if (kind === 'bounced' && type !== 'blocked') return closes('all')
  if (kind === 'complained') return closes('all')
  return kind === 'unsubscribed' ? closes('marketing') : {}
}
