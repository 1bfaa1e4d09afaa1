import { createHash } from 'node:crypto'
import nodemailer, { type SendMailOptions } from 'nodemailer'
import { messageOf } from '../kernel/index.ts'
import { requireSendable } from './check-message.ts'
import { HandoverError, type MailTransport, type NotTaken, type OutgoingMail } from './outgoing.ts'

/** A mail server, and who writes. */
export interface SmtpOptions {
  readonly host: string
  /** 465 speaks TLS from the start; every other begins plain and has to switch. */
  readonly port: number
  readonly user?: string | undefined
  readonly pass?: string | undefined
  readonly from: Sender
  /** Mails are signed with it: RFC 6376. */
  readonly dkim?:
    | { readonly domainName: string; readonly keySelector: string; readonly privateKey: string }
    | undefined
}

export interface Sender {
  readonly name: string
  readonly address: string
}

/** How long the mail server may take for one step, in milliseconds. */
const patience = 20_000
const connections = 3
/** What a DKIM signature covers: RFC 6376, 5.4.1, and the fields that end marketing (RFC 8058, 4). */
const signedFields =
  'From:Reply-To:Subject:Date:Message-ID:To:MIME-Version:Content-Type:List-Unsubscribe:List-Unsubscribe-Post'

/** Sends mails by SMTP. Encrypted everywhere but to a server on this machine: mails carry links that sign in. */
export function createSmtpTransport(options: SmtpOptions): MailTransport {
  const { host, port, user, pass, from, dkim } = options
  const transport = nodemailer.createTransport({
    host,
    port,
    secure: port === 465,
    requireTLS: port !== 465 && !isLoopback(host),
    pool: true,
    maxConnections: connections,
    ...(user === undefined ? {} : { auth: { user, pass: pass ?? '' } }),
    ...(dkim === undefined ? {} : { dkim: { ...dkim, headerFieldNames: signedFields } }),
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'smtp',
    send: async (mail) => {
      requireSendable(mail)
      try {
        await transport.sendMail(composed(mail, from))
      } catch (error) {
        throw new HandoverError(takenAfter(error), messageOf(error), { cause: error })
      }
      return { id: null }
    },
    close: async () => transport.close(),
  }
}

/** The mail as nodemailer composes it. */
export function composed(mail: OutgoingMail, from: Sender): SendMailOptions {
  const { key, to, subject, text, html, replyTo, headers, attachments = [] } = mail
  return {
    messageId: messageIdOf(key, from.address),
    from: { name: from.name, address: from.address },
    to: { name: '', address: to },
    subject,
    text,
    ...(html ? { html } : {}),
    ...(replyTo ? { replyTo: { name: '', address: replyTo } } : {}),
    ...(headers ? { headers: { ...headers } } : {}),
    attachments: attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      content,
    })),
  }
}

/** The same key gives the same Message-ID, by which mailboxes drop repetitions (RFC 5322, 3.6.4). */
export const messageIdOf = (key: string, from: string): string => {
  const local = createHash('sha256').update(key).digest('hex').slice(0, 40)
  return `<${local}@${from.slice(from.lastIndexOf('@') + 1)}>`
}

/** The server's answers: 4xx for now, 5xx for good (RFC 5321, 4.2.1). Without one it may have the mail. */
function takenAfter(error: unknown): NotTaken {
  const { responseCode, command, code, syscall } = error as {
    readonly responseCode?: number
    readonly command?: string
    readonly code?: string
    readonly syscall?: string
  }
  // A wrong login is a mistake of the settings: mails wait until it is corrected.
  if (code === 'EAUTH' || command?.startsWith('AUTH')) return 'later'
  if (responseCode !== undefined) return responseCode >= 500 ? 'never' : 'later'
  // A connection that ends looks the same before and after the mail; one that was never made does not.
  return syscall === 'connect' || code === 'EDNS' || code === 'EENVELOPE' ? 'later' : 'unknown'
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
