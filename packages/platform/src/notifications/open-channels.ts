import type { ProjectDatabase } from '../database/index.ts'
import type { Clock } from '../kernel/index.ts'
import {
  createInbox,
  createSmtpTransport,
  hasInbox,
  type MailTransport,
  type SmsTransport,
} from '../messages/index.ts'
import { createSes, createSns } from './channels/aws.ts'
import { createFcm } from './channels/fcm.ts'
import type { PushTransport } from './channels/push.ts'
import { createSendGrid } from './channels/sendgrid.ts'
import { createTwilio } from './channels/twilio.ts'
import { createWebPush, type VapidKeys } from './channels/web-push.ts'
import type { NotificationSettings } from './settings.ts'

export interface ChannelOptions {
  readonly settings: NotificationSettings
  readonly database: ProjectDatabase
  readonly clock: Clock
  /** The project's address. */
  readonly url: string
  readonly vapid: VapidKeys
  /** The mail server of auth's settings. */
  readonly authMail: MailTransport | undefined
}

/** What a project sends with. */
export interface OpenChannels {
  readonly mail: MailTransport | undefined
  readonly sms: SmsTransport | undefined
  readonly pushes: readonly PushTransport[]
  /** What is its own, for others to send with; not the inbox, nor what others lent. */
  readonly own: { readonly mail: MailTransport | undefined; readonly sms: SmsTransport | undefined }
}

/** The providers that are set; else auth's mail server; else, on a developer's machine, the inbox. */
export function openChannels(options: ChannelOptions): OpenChannels {
  const { database, clock, url, authMail } = options
  const inbox = hasInbox(url) ? createInbox(database, clock) : undefined
  const own = { mail: openMail(options), sms: openSms(options) }
  return {
    mail: own.mail ?? authMail ?? inbox?.mail,
    sms: own.sms ?? inbox?.sms,
    pushes: openPushes(options),
    own,
  }
}

function openMail({ settings }: ChannelOptions): MailTransport | undefined {
  const {
    smtpHost: host,
    smtpPort: port,
    smtpUser: user,
    smtpPass: pass,
    sendgridKey,
    sendgridUrl,
  } = settings
  const { dkimDomain: domainName, dkimSelector: keySelector, dkimKey: privateKey } = settings
  const from = { name: settings.fromName, address: settings.fromAddress ?? '' }
  if (sendgridKey) return createSendGrid({ key: sendgridKey, url: sendgridUrl, from })
  if (settings.sesEnabled) {
    const { sesUrl: url, sesConfigurationSet: configurationSet } = settings
    return createSes({ ...awsOf(settings), url, from, configurationSet })
  }
  if (!host) return undefined
  const dkim = domainName && keySelector && privateKey ? { domainName, keySelector, privateKey } : undefined
  return createSmtpTransport({ host, port, user, pass, from, dkim })
}

function openSms({ settings, url }: ChannelOptions): SmsTransport | undefined {
  const { twilioAccountSid: accountSid, twilioAuthToken: authToken, twilioFrom: from } = settings
  if (accountSid && authToken && from) {
    const callbackUrl = (key: string) =>
      url.startsWith('https://') ? `${url}/notifications/callbacks/twilio?id=${key}` : undefined
    return createTwilio({ accountSid, authToken, from, url: settings.twilioUrl, callbackUrl })
  }
  if (!settings.snsEnabled) return undefined
  return createSns({ ...awsOf(settings), url: settings.snsUrl, senderId: settings.snsSenderId })
}

function openPushes({ settings, vapid, clock, url }: ChannelOptions): PushTransport[] {
  const {
    fcmServiceAccount,
    fcmUrl,
    pushSubject,
    fromAddress,
    pushPrivateAddresses: privateAddresses,
  } = settings
  const reached =
    pushSubject ?? (fromAddress ? `mailto:${fromAddress}` : url.startsWith('https://') ? url : undefined)
  const subject = reached ?? 'mailto:nobody@example.com'
  const web = createWebPush({ subject, keys: vapid, privateAddresses })
  return fcmServiceAccount ? [web, createFcm({ account: fcmServiceAccount, url: fcmUrl, clock })] : [web]
}

const awsOf = ({
  awsRegion = 'us-east-1',
  awsAccessKeyId = '',
  awsSecretAccessKey = '',
}: NotificationSettings) => ({
  region: awsRegion,
  accessKeyId: awsAccessKeyId,
  secretAccessKey: awsSecretAccessKey,
})

/** What is missing of what the settings ask for; nothing: they are complete. */
export function missingSettings(settings: NotificationSettings): string[] {
  const { smtpHost, sendgridKey, sesEnabled, snsEnabled, twilioAccountSid, fromAddress } = settings
  const { awsRegion, awsAccessKeyId, awsSecretAccessKey, twilioAuthToken, twilioFrom } = settings
  const needed: [string, unknown, unknown][] = [
    ['fromAddress', smtpHost ?? sendgridKey ?? (sesEnabled || undefined), fromAddress],
    ['awsRegion', sesEnabled || snsEnabled || undefined, awsRegion],
    ['awsAccessKeyId', sesEnabled || snsEnabled || undefined, awsAccessKeyId],
    ['awsSecretAccessKey', sesEnabled || snsEnabled || undefined, awsSecretAccessKey],
    ['twilioAuthToken', twilioAccountSid, twilioAuthToken],
    ['twilioFrom', twilioAccountSid, twilioFrom],
  ]
  return needed.flatMap(([name, wanted, given]) =>
    wanted !== undefined && given === undefined ? [name] : [],
  )
}
