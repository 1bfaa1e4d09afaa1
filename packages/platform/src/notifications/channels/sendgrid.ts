import { type MailTransport, messageIdOf, requireSendable, type Sender } from '../../messages/index.ts'
import { callProvider } from './call-provider.ts'

export interface SendGridOptions {
  readonly key: string
  /** `https://api.sendgrid.com`, or `https://api.eu.sendgrid.com`. */
  readonly url: string
  readonly from: Sender
}

/** Sends mails by SendGrid's Mail Send (v3). Its events name the delivery in `plinth_id`. */
export const createSendGrid = ({ key, url, from }: SendGridOptions): MailTransport => ({
  name: 'sendgrid',
  send: async (mail, signal) => {
    requireSendable(mail)
    const { attachments = [], replyTo, html } = mail
    const answer = await callProvider({
      provider: 'sendgrid',
      url: `${url}/v3/mail/send`,
      signal,
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': mail.key,
      },
      body: JSON.stringify({
        personalizations: [{ to: [{ email: mail.to }], custom_args: { plinth_id: mail.key } }],
        from: { email: from.address, ...(from.name ? { name: from.name } : {}) },
        ...(replyTo ? { reply_to: { email: replyTo } } : {}),
        subject: mail.subject,
        content: [
          { type: 'text/plain', value: mail.text },
          ...(html ? [{ type: 'text/html', value: html }] : []),
        ],
        headers: { ...mail.headers, 'Message-ID': messageIdOf(mail.key, from.address) },
        ...(attachments.length === 0
          ? {}
          : {
              attachments: attachments.map(({ filename, contentType, content }) => ({
                filename,
                type: contentType,
                content: Buffer.from(content).toString('base64'),
                disposition: 'attachment',
              })),
            }),
      }),
    })
    return { id: answer.headers.get('x-message-id') }
  },
})
