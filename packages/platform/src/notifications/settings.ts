import { z } from 'zod'
import { secret } from '../settings/index.ts'
import { serviceAccount } from './channels/fcm.ts'
import { isZone } from './model/quiet-hours.ts'

const flag = (initial: boolean, what: string) => z.boolean().default(initial).describe(what)
const hour = (what: string) =>
  z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
    .optional()
    .describe(what)
const rate = (what: string) => z.number().positive().max(10_000).optional().describe(what)
const address = (initial: string, what: string) =>
  z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/(?<!\/)\/+$/, ''))
    .default(initial)
    .describe(what)

/** `{…}` of a service account, in the environment as text. */
const account = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue('is not JSON')
      return z.NEVER
    }
  })
  .pipe(serviceAccount)

/** What a project decides about its messages. Times of day are `22:00`. */
export const notificationSettings = z.object({
  fromAddress: z.email().optional().describe('Address that mails come from. Required with a mail provider.'),
  fromName: z
    .string()
    .max(200)
    .default('')
    .describe('Name that mails come from, and that stands below them.'),
  replyTo: z.email().optional().describe('Address for answers.'),

  smtpHost: z
    .string()
    .min(1)
    .optional()
    .describe('Mail server. Without any mail provider: that of auth, else /inbox.'),
  smtpPort: z.number().int().min(1).max(65_535).default(587).describe('Port; 465 speaks TLS from the start.'),
  smtpUser: z.string().optional().describe('Login at the mail server.'),
  smtpPass: secret(z.string().min(1)).optional().describe('Password at the mail server.'),
  dkimDomain: z.string().optional().describe('Domain of the DKIM key that mails by SMTP are signed with.'),
  dkimSelector: z.string().optional().describe('Selector of the DKIM key.'),
  dkimKey: secret(z.string().min(1)).optional().describe('Private DKIM key, PEM.'),

  sendgridKey: secret(z.string().min(1)).optional().describe('API key of SendGrid; mails go by it.'),
  sendgridUrl: address('https://api.sendgrid.com', 'Address of SendGrid.'),
  sendgridWebhookKey: z
    .string()
    .min(1)
    .optional()
    .describe('Public key of SendGrid’s signed Event Webhook, base64.'),

  awsRegion: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
    .optional()
    .describe('AWS region.'),
  awsAccessKeyId: z.string().min(1).optional().describe('AWS access key.'),
  awsSecretAccessKey: secret(z.string().min(1)).optional().describe('AWS secret key.'),
  sesEnabled: flag(false, 'Mails go by Amazon SES.'),
  sesUrl: z.url().optional().describe('Address of SES; default that of the region.'),
  sesConfigurationSet: z.string().optional().describe('Configuration set whose events SES reports.'),
  sesTopicArn: z.string().optional().describe('SNS topic that reports the events of SES.'),
  snsEnabled: flag(false, 'SMS go by Amazon SNS.'),
  snsUrl: z.url().optional().describe('Address of SNS; default that of the region.'),
  snsSenderId: z
    .string()
    .regex(/^[A-Za-z0-9]{1,11}$/)
    .optional()
    .describe('Sender that SMS show, where the country allows one.'),

  twilioAccountSid: z.string().min(1).optional().describe('Account of Twilio; SMS go by it.'),
  twilioAuthToken: secret(z.string().min(1)).optional().describe('Token of the account.'),
  twilioFrom: z
    .string()
    .min(1)
    .optional()
    .describe('Number, or messaging service (MG…), that SMS come from.'),
  twilioUrl: address('https://api.twilio.com', 'Address of Twilio.'),

  fcmServiceAccount: secret(account)
    .optional()
    .describe('Service account of Firebase, JSON; push to phones goes by it.'),
  fcmUrl: address('https://fcm.googleapis.com', 'Address of FCM.'),
  pushSubject: z
    .string()
    .regex(/^(mailto:|https:\/\/)/)
    .optional()
    .describe('Whom push services of browsers may write to; default fromAddress.'),
  pushPrivateAddresses: flag(false, 'Whether push services may be in private networks and on this machine.'),

  email: flag(true, 'Mails to people who said nothing.'),
  sms: flag(false, 'SMS to people who said nothing.'),
  push: flag(true, 'Push messages to people who said nothing and whose device takes them.'),
  inApp: flag(true, 'In-app messages to people who said nothing.'),
  marketing: flag(false, 'Marketing to people who said nothing.'),
  quietFrom: hour('Quiet hours of people who said nothing begin.'),
  quietUntil: hour('Quiet hours of people who said nothing end.'),
  zone: z
    .string()
    .default('UTC')
    .refine(isZone, 'is no IANA time zone')
    .describe('Zone of people who said nothing.'),
  locale: z.string().default('en').describe('Language of people who said nothing.'),

  attempts: z.number().int().min(1).max(20).default(3).describe('Attempts at a message, the first included.'),
  firstPause: z
    .number()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('Seconds before the second attempt; each further pause is five times as long, ± 20 %.'),
  emailPerSecond: rate('Most mails a second, of all nodes together.'),
  smsPerSecond: rate('Most SMS a second.'),
  pushPerSecond: rate('Most push messages a second.'),
  mostRecipients: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(100_000)
    .describe('Most people of one call.'),
  keepDays: z.number().int().min(1).default(90).describe('Days that messages and their facts are kept.'),
})

export type NotificationSettings = z.output<typeof notificationSettings>
