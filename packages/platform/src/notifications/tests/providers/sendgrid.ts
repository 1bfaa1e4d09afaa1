import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { ProviderSimulator } from './provider-server.ts'

/** What SendGrid's Mail Send takes, as far as it is used here. */
export interface SendGridMail {
  readonly personalizations: readonly {
    readonly to: readonly { readonly email: string }[]
    readonly custom_args: { readonly plinth_id: string }
  }[]
  readonly from: { readonly email: string; readonly name?: string }
  readonly subject: string
  readonly content: readonly { readonly type: string; readonly value: string }[]
  readonly headers: Readonly<Record<string, string>>
  readonly attachments?: readonly {
    readonly filename: string
    readonly type: string
    readonly content: string
  }[]
}

/** SendGrid: Mail Send (v3), and signed events of what it took. A Message-ID that it had already reaches the mailbox once. */
export function simulateSendGrid(key: string) {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  /** By Message-ID: what is in the mailboxes. */
  const mailbox = new Map<string, SendGridMail>()
  let requests = 0
  const simulator: ProviderSimulator = {
    take: ({ method, path, headers, body }) => {
      requests += 1
      if (method !== 'POST' || path !== '/v3/mail/send') return { status: 404 }
      if (headers['authorization'] !== `Bearer ${key}`) return { status: 401, body: '{"errors":[]}' }
      const mail = JSON.parse(body.toString()) as SendGridMail
      const [first] = mail.content
      if (first?.type !== 'text/plain' || first.value === '') return { status: 400, body: '{"errors":[]}' }
      mailbox.set(mail.headers['Message-ID']!, mail)
      return { status: 202, headers: { 'x-message-id': randomUUID().replaceAll('-', '') } }
    },
  }
  return {
    ...simulator,
    mailbox,
    requests: () => requests,
    publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    /** A callback as SendGrid posts it. */
    events: (events: readonly object[], now: Date) => {
      const timestamp = String(Math.floor(now.getTime() / 1000))
      const body = JSON.stringify(events)
      const signature = sign('sha256', Buffer.from(timestamp + body), pair.privateKey).toString('base64')
      return {
        body,
        headers: {
          'content-type': 'application/json',
          'x-twilio-email-event-webhook-signature': signature,
          'x-twilio-email-event-webhook-timestamp': timestamp,
        },
      }
    },
  }
}
