import { createHash, createHmac, createSign, generateKeyPairSync, randomUUID } from 'node:crypto'
import type { ProviderRequest, ProviderSimulator } from './provider-server.ts'

export interface AwsAccount {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const hash = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')

/** Whether the request is signed as Signature Version 4 prescribes, worked out here step by step from AWS's description. */
function isSignedForAws(
  { method, path, headers, body }: ProviderRequest,
  { region, accessKeyId, secretAccessKey }: AwsAccount,
  service: string,
): boolean {
  const { authorization = '' } = headers
  const [, credential = '', names = '', given = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? []
  const stamp = headers['x-amz-date'] ?? ''
  const scope = `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`
  if (credential !== `${accessKeyId}/${scope}` || !names.split(';').includes('host')) return false
  const canonical = [
    method,
    path,
    '',
    ...names.split(';').map((name) => `${name}:${headers[name]}`),
    '',
    names,
    headers['x-amz-content-sha256'] ?? hash(body),
  ].join('\n')
  const text = ['AWS4-HMAC-SHA256', stamp, scope, hash(canonical)].join('\n')
  const key = [stamp.slice(0, 8), region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${secretAccessKey}`,
  )
  return hmac(key, text).toString('hex') === given
}

/** Amazon SES, API v2: mails as they were composed. */
export function simulateSes(account: AwsAccount) {
  const mails: {
    readonly id: string
    readonly to: string
    readonly raw: string
    readonly key: string | undefined
  }[] = []
  const simulator: ProviderSimulator = {
    take: (request) => {
      if (request.path !== '/v2/email/outbound-emails') return { status: 404 }
      if (!isSignedForAws(request, account, 'ses'))
        return { status: 403, body: '{"message":"InvalidSignatureException"}' }
      const given = JSON.parse(request.body.toString()) as {
        readonly Destination: { readonly ToAddresses: readonly string[] }
        readonly Content: { readonly Raw: { readonly Data: string } }
        readonly EmailTags: readonly { readonly Name: string; readonly Value: string }[]
      }
      const id = randomUUID()
      const raw = Buffer.from(given.Content.Raw.Data, 'base64').toString()
      const key = given.EmailTags.find(({ Name }) => Name === 'plinth_id')?.Value
      mails.push({ id, to: given.Destination.ToAddresses[0]!, raw, key })
      return { status: 200, body: JSON.stringify({ MessageId: id }) }
    },
  }
  return { ...simulator, mails }
}

/** Amazon SNS: SMS by the query protocol. */
export function simulateSns(account: AwsAccount) {
  const texts: URLSearchParams[] = []
  const simulator: ProviderSimulator = {
    take: (request) => {
      if (!isSignedForAws(request, account, 'sns'))
        return { status: 403, body: '<Code>SignatureDoesNotMatch</Code>' }
      texts.push(new URLSearchParams(request.body.toString()))
      const id = randomUUID()
      return {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>${id}</MessageId></PublishResult></PublishResponse>`,
      }
    },
  }
  return { ...simulator, texts }
}

/** The topic by which SES reports; its key stands for Amazon's certificate. */
export function simulateTopic(topic: string) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const certificateUrl = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem'
  return {
    publicKey,
    certificateUrl,
    /** What SNS posts, signed by version 2. */
    post: (message: object, given: Readonly<Record<string, string>> = {}) => {
      const fields: Record<string, string> = {
        Type: 'Notification',
        MessageId: randomUUID(),
        TopicArn: topic,
        Message: JSON.stringify(message),
        Timestamp: '2026-01-15T12:00:00.000Z',
        ...given,
      }
      const names =
        fields['Type'] === 'Notification'
          ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
          : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
      const text = names.flatMap((name) => (name in fields ? [`${name}\n${fields[name]}\n`] : [])).join('')
      const Signature = createSign('RSA-SHA256').update(text).sign(privateKey, 'base64')
      return JSON.stringify({ ...fields, SignatureVersion: '2', Signature, SigningCertURL: certificateUrl })
    },
  }
}
