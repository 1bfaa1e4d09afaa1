import { createECDH, createHash } from 'node:crypto'
import { messageOf } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { postWebhook } from '../../webhooks/index.ts'
import { takenAt } from './call-provider.ts'
import { type PushTransport, timeToLive } from './push.ts'

export interface WebPushOptions {
  /** Whom the push service writes to when something is wrong: `mailto:…` or `https://…`. */
  readonly subject: string
  readonly keys: VapidKeys
  /** Allows push services in private networks and on this machine, for tests. Default false. */
  readonly privateAddresses?: boolean
}

/** The key pair by which push services recognise this project (RFC 8292), base64url. */
export interface VapidKeys {
  readonly publicKey: string
  readonly privateKey: string
}

const patience = 20_000

/** The project's pair, made of a key of its own: the same on every node and after every restart. */
export function vapidKeysOf(deriveKey: (purpose: string) => Buffer): VapidKeys {
  const pair = createECDH('prime256v1')
  // One key in four thousand millions is none of the curve: then the next is taken.
  for (let attempt = 1; ; attempt += 1) {
    try {
      pair.setPrivateKey(deriveKey(`notifications/vapid/${attempt}`))
      break
    } catch (error) {
      if (attempt > 5) throw error
    }
  }
  return { publicKey: pair.getPublicKey('base64url'), privateKey: pair.getPrivateKey('base64url') }
}

/** Sends to browsers (RFC 8030), encrypted for each (RFC 8291). Endpoints come from clients, so only public ones are reached. */
export const createWebPush = ({
  subject,
  keys,
  privateAddresses = false,
}: WebPushOptions): PushTransport => ({
  kind: 'web',
  name: 'web-push',
  send: async ({ endpoint, p256dh, auth }, message, signal) => {
    const { default: webPush } = await import('web-push')
    const { key, title, body, url, urgent } = message
    let details: ReturnType<typeof webPush.generateRequestDetails>
    try {
      details = webPush.generateRequestDetails(
        { endpoint, keys: { p256dh: p256dh ?? '', auth: auth ?? '' } },
        JSON.stringify({ id: key, title, body, url, tag: key }),
        {
          vapidDetails: { subject, ...keys },
          contentEncoding: 'aes128gcm',
          TTL: timeToLive,
          urgency: urgent ? 'high' : 'normal',
          topic: topicOf(key),
        },
      )
    } catch (cause) {
      throw new HandoverError('never', `web-push: ${messageOf(cause)}`, { cause })
    }
    const status = await post(endpoint, {
      headers: withoutLength(details.headers as Record<string, string | number>),
      body: details.body ?? Buffer.alloc(0),
      privateAddresses,
      signal: signal
        ? AbortSignal.any([signal, AbortSignal.timeout(patience)])
        : AbortSignal.timeout(patience),
    })
    if (status === 404 || status === 410) return 'gone'
    if (status >= 300) throw new HandoverError(takenAt(status), `web-push: answered ${status}`)
    return 'taken'
  },
})

async function post(...given: Parameters<typeof postWebhook>): Promise<number> {
  try {
    return await postWebhook(...given)
  } catch (cause) {
    throw new HandoverError('later', `web-push: ${messageOf(cause)}`, { cause })
  }
}

const withoutLength = (headers: Readonly<Record<string, string | number>>) =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.toLowerCase() === 'content-length' ? [] : [[name.toLowerCase(), String(value)]],
    ),
  )

/** At most 32 characters (RFC 8030, 5.4): a message that still waits at the push service is replaced by its repetition. */
const topicOf = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 32)
