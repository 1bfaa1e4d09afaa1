import { createVerify, type KeyObject, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { Fact } from './facts.ts'

/** What Amazon SNS posts; `Message` of a notification is SES's event as JSON. */
const envelopeSchema = z.object({
  Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  MessageId: z.string().min(1).max(200),
  TopicArn: z.string().max(300),
  Subject: z.string().optional(),
  Message: z.string(),
  Timestamp: z.string(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.string(),
  SigningCertURL: z.url(),
  SubscribeURL: z.url().optional(),
  Token: z.string().optional(),
})
export type SnsEnvelope = z.output<typeof envelopeSchema>

export const readSnsEnvelope = (body: Buffer): SnsEnvelope =>
  envelopeSchema.parse(JSON.parse(body.toString()))

/** Gives a certificate in PEM. */
export type FetchCertificate = (url: string) => Promise<string>

/** Only Amazon's own hosts: whoever names the certificate could otherwise sign with one of their own. */
export const isAmazon = (url: string): boolean => {
  const { protocol, hostname, port } = new URL(url)
  return (
    protocol === 'https:' && port === '' && /^sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?$/.test(hostname)
  )
}

interface SignatureOptions {
  readonly topic: string
  readonly fetchCertificate: FetchCertificate
  /** Default: the key of an X.509 certificate. */
  readonly readKey?: (pem: string) => KeyObject
}

const keyOfCertificate = (pem: string): KeyObject => new X509Certificate(pem).publicKey

/** Whether SNS signed the message, and for the topic that is expected. */
export async function isSignedBySns(
  envelope: SnsEnvelope,
  { topic, fetchCertificate, readKey = keyOfCertificate }: SignatureOptions,
): Promise<boolean> {
  if (envelope.TopicArn !== topic || !isAmazon(envelope.SigningCertURL)) return false
  try {
    const publicKey = readKey(await fetchCertificate(envelope.SigningCertURL))
    const algorithm = envelope.SignatureVersion === '2' ? 'RSA-SHA256' : 'RSA-SHA1'
    return createVerify(algorithm)
      .update(signedText(envelope))
      .verify(publicKey, envelope.Signature, 'base64')
  } catch {
    return false
  }
}

/** The fields that are signed, a line for each name and value, in the order that SNS prescribes. */
function signedText(envelope: SnsEnvelope): string {
  const names =
    envelope.Type === 'Notification'
      ? (['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const)
      : (['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const)
  return names
    .flatMap((name) => (envelope[name] === undefined ? [] : [`${name}\n${envelope[name]}\n`]))
    .join('')
}

const recipients = z.array(z.object({ emailAddress: z.string().max(320) })).max(50)

const eventSchema = z.object({
  eventType: z.string().optional(),
  notificationType: z.string().optional(),
  mail: z.object({
    messageId: z.string().max(300),
    timestamp: z.string(),
    tags: z.record(z.string(), z.array(z.string())).optional(),
  }),
  bounce: z
    .object({ bounceType: z.string().optional(), bouncedRecipients: recipients.optional() })
    .optional(),
  complaint: z.object({ complainedRecipients: recipients.optional() }).optional(),
})

const kinds: Readonly<Record<string, Fact['kind']>> = {
  Send: 'accepted',
  Delivery: 'delivered',
  Open: 'opened',
  Click: 'opened',
  Bounce: 'bounced',
  Complaint: 'complained',
  Reject: 'failed',
  'Rendering Failure': 'failed',
}

/** The fact of an event of SES; undefined where the message is none. */
export function readSesEvent({ Message, MessageId, Timestamp }: SnsEnvelope): Fact | undefined {
  let parsed: ReturnType<typeof eventSchema.safeParse>
  try {
    parsed = eventSchema.safeParse(JSON.parse(Message))
  } catch {
    return undefined
  }
  if (!parsed.success) return undefined
  const { eventType, notificationType, mail, bounce, complaint } = parsed.data
  const kind = kinds[eventType ?? notificationType ?? ''] ?? 'other'
  const bounced = bounce?.bounceType === 'Permanent' ? bounce.bouncedRecipients?.[0]?.emailAddress : undefined
  const address = bounced ?? complaint?.complainedRecipients?.[0]?.emailAddress
  return {
    provider: 'ses',
    event: MessageId,
    kind,
    delivery: mail.tags?.['plinth_id']?.[0] ?? null,
    providerId: mail.messageId,
    ...(address ? { closes: { channel: 'email' as const, address, scope: 'all' as const } } : {}),
    at: new Date(Timestamp),
    raw: Message,
  }
}
