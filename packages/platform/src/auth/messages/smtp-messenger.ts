import nodemailer from 'nodemailer'
import type { AuthSettings } from '../settings.ts'
import type { Messenger } from './messenger.ts'
import { renderMail } from './render-mail.ts'

/** How long the mail server may take for one step, in milliseconds. */
const patience = 20_000

/** Sends mails by SMTP. Encrypted everywhere but to a server on this machine: mails carry links that sign in. */
export function createSmtpMessenger(settings: AuthSettings & { readonly smtpHost: string }): Messenger {
  const { smtpHost: host, smtpPort: port, smtpUser: user, smtpPass: pass } = settings
  const transport = nodemailer.createTransport({
    host,
    port,
    secure: port === 465,
    requireTLS: port !== 465 && !isLoopback(host),
    pool: true,
    maxConnections: 3,
    ...(user === undefined ? {} : { auth: { user, pass: pass ?? '' } }),
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const from = { name: settings.smtpSenderName, address: settings.smtpAdminEmail ?? '' }
  return {
    sendMail: async (mail) => {
      const rendered = renderMail(settings, mail)
      await transport.sendMail({ ...rendered, from, to: { name: '', address: mail.to } })
    },
    close: async () => transport.close(),
  }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
