import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../kernel/index.ts'
import type { Fact } from './facts.ts'

/** Whether Twilio signed the form: HMAC-SHA-1 of the address and of all fields in order, under the account's token. */
export function isSignedByTwilio(
  authToken: string,
  { signature, url, form }: { signature: string; url: string; form: URLSearchParams },
): boolean {
  const fields = [...form]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => name + value)
  const expected = createHmac('sha1', authToken)
    .update(url + fields.join(''))
    .digest()
  const given = Buffer.from(signature, 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

const kinds: Readonly<Record<string, Fact['kind']>> = {
  accepted: 'accepted',
  queued: 'accepted',
  sending: 'accepted',
  sent: 'accepted',
  delivered: 'delivered',
  read: 'opened',
  undelivered: 'bounced',
  failed: 'failed',
}

/** Numbers that are not mobile, unknown or have answered STOP: nothing arrives there (Twilio's error codes). */
const closed = new Set(['21211', '21610', '21614', '30005', '30006'])

/** The fact of a status callback; undefined when it names no message. */
export function readTwilioStatus(
  form: URLSearchParams,
  delivery: string | null,
  clock: Clock,
): Fact | undefined {
  const sid = form.get('MessageSid') ?? form.get('SmsSid')
  const status = form.get('MessageStatus') ?? form.get('SmsStatus')
  if (!sid || !status) return undefined
  const code = form.get('ErrorCode') ?? ''
  const to = form.get('To')
  const scope = 'all' as const
  return {
    provider: 'twilio',
    event: `${sid}/${status}`.slice(0, 200),
    kind: kinds[status] ?? 'other',
    delivery,
    providerId: sid,
    ...(to && closed.has(code) ? { closes: { channel: 'sms' as const, address: to, scope } } : {}),
    at: clock.now(),
    raw: form.toString(),
  }
}
