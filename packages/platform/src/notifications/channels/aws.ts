import type { AwsClient } from 'aws4fetch'
import type { SendMailOptions } from 'nodemailer'
import {
  composed,
  type MailTransport,
  requirePhoneNumber,
  requireSendable,
  type Sender,
  type SmsTransport,
} from '../../messages/index.ts'
import { callProvider } from './call-provider.ts'

export interface AwsOptions {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Address of the service; default AWS's own in the region. */
  readonly url?: string | undefined
}

const clients = new WeakMap<AwsOptions, Promise<AwsClient>>()

/** Signs requests (Signature Version 4); loaded when first used. */
function openClient(options: AwsOptions, service: string): Promise<AwsClient> {
  const { region, accessKeyId, secretAccessKey } = options
  const open = () =>
    import('aws4fetch').then(
      ({ AwsClient }) => new AwsClient({ region, accessKeyId, secretAccessKey, service, retries: 0 }),
    )
  const known = clients.get(options) ?? open()
  clients.set(options, known)
  return known
}

interface SignedCall {
  readonly service: 'ses' | 'sns'
  readonly url: string
  readonly contentType: string
  readonly body: string
  readonly signal?: AbortSignal | undefined
}

async function callAws(options: AwsOptions, call: SignedCall) {
  const { service, url, contentType, body, signal } = call
  const client = await openClient(options, service)
  const signed = await client.sign(url, { method: 'POST', headers: { 'content-type': contentType }, body })
  return callProvider({ provider: service, url, headers: Object.fromEntries(signed.headers), body, signal })
}

/** Sends mails by Amazon SES (API v2) as they are composed here. Its events name the delivery in the tag `plinth_id`. */
export const createSes = (
  options: AwsOptions & { readonly from: Sender; readonly configurationSet?: string | undefined },
): MailTransport => ({
  name: 'ses',
  send: async (mail, signal) => {
    requireSendable(mail)
    const { region, from, configurationSet } = options
    const raw = await compose(composed(mail, from))
    const { text } = await callAws(options, {
      service: 'ses',
      url: `${options.url ?? `https://email.${region}.amazonaws.com`}/v2/email/outbound-emails`,
      contentType: 'application/json',
      signal,
      body: JSON.stringify({
        Destination: { ToAddresses: [mail.to] },
        Content: { Raw: { Data: raw.toString('base64') } },
        EmailTags: [{ Name: 'plinth_id', Value: mail.key }],
        ...(configurationSet ? { ConfigurationSetName: configurationSet } : {}),
      }),
    })
    return { id: (JSON.parse(text) as { readonly MessageId?: string }).MessageId ?? null }
  },
})

/** The mail as bytes (RFC 5322). */
async function compose(mail: SendMailOptions): Promise<Buffer> {
  const { default: nodemailer } = await import('nodemailer')
  const transport = nodemailer.createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const { message } = await transport.sendMail(mail)
  return message as Buffer
}

/** Sends SMS by Amazon SNS. It reports deliveries to CloudWatch only, so that nothing is known of them here. */
export const createSns = (
  options: AwsOptions & { readonly senderId?: string | undefined },
): SmsTransport => ({
  name: 'sns',
  send: async ({ to, text: message }, signal) => {
    const attributes: [string, string][] = [
      ['AWS.SNS.SMS.SMSType', 'Transactional'],
      ...(options.senderId ? [['AWS.SNS.SMS.SenderID', options.senderId] as [string, string]] : []),
    ]
    const fields = attributes.flatMap(([name, value], index) => {
      const entry = `MessageAttributes.entry.${index + 1}`
      return [
        [`${entry}.Name`, name],
        [`${entry}.Value.DataType`, 'String'],
        [`${entry}.Value.StringValue`, value],
      ] as [string, string][]
    })
    const body = new URLSearchParams([
      ['Action', 'Publish'],
      ['Version', '2010-03-31'],
      ['PhoneNumber', requirePhoneNumber(to)],
      ['Message', message],
      ...fields,
    ])
    const { text } = await callAws(options, {
      service: 'sns',
      url: `${options.url ?? `https://sns.${options.region}.amazonaws.com`}/`,
      contentType: 'application/x-www-form-urlencoded; charset=utf-8',
      body: body.toString(),
      signal,
    })
    return { id: /<MessageId>([^<]{1,100})<\/MessageId>/.exec(text)?.[1] ?? null }
  },
})
