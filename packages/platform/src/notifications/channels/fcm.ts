import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { callProvider } from './call-provider.ts'
import { type PushTransport, timeToLive } from './push.ts'

/** The file that Google gives for a service account; what else is in it is ignored. */
export const serviceAccount = z.object({
  project_id: z.string().min(1),
  client_email: z.email(),
  private_key: z.string().startsWith('-----BEGIN PRIVATE KEY-----'),
  token_uri: z.url().default('https://oauth2.googleapis.com/token'),
})

export interface FcmOptions {
  readonly account: z.output<typeof serviceAccount>
  /** `https://fcm.googleapis.com`. */
  readonly url: string
  readonly clock: Clock
}

interface Token {
  readonly value: string
  readonly until: number
}

/** A token is asked for anew this long before it ends, in milliseconds. */
const reserve = 60_000

/** Sends to phones by Firebase Cloud Messaging (HTTP v1). */
export function createFcm(options: FcmOptions): PushTransport {
  const { account, url, clock } = options
  let token: Promise<Token> | undefined

  async function currentToken(): Promise<string> {
    const known = await token?.catch(() => undefined)
    if (known && known.until > clock.now().getTime()) return known.value
    token = fetchToken(options)
    return (await token).value
  }

  return {
    kind: 'fcm',
    name: 'fcm',
    send: async ({ endpoint }, { key, title, body, url: link, urgent }, signal) => {
      try {
        await callProvider({
          provider: 'fcm',
          url: `${url}/v1/projects/${encodeURIComponent(account.project_id)}/messages:send`,
          signal,
          headers: { authorization: `Bearer ${await currentToken()}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            message: {
              token: endpoint,
              notification: { title, body },
              data: { id: key, ...(link ? { url: link } : {}) },
              android: {
                priority: urgent ? 'high' : 'normal',
                ttl: `${timeToLive}s`,
                collapse_key: key,
                notification: { tag: key },
              },
              apns: {
                headers: { 'apns-collapse-id': key.slice(0, 64), 'apns-priority': urgent ? '10' : '5' },
              },
            },
          }),
        })
        return 'taken'
      } catch (error) {
        if (error instanceof HandoverError && /"UNREGISTERED"/.test(error.message)) return 'gone'
        if (error instanceof HandoverError && error.taken === 'later') token = undefined
        throw error
      }
    },
  }
}

/** An access token for the service account's own signature (RFC 7523). */
async function fetchToken({ account, clock }: FcmOptions): Promise<Token> {
  const now = clock.now().getTime()
  const assertion = await new SignJWT({ scope: 'https://www.googleapis.com/auth/firebase.messaging' })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor(now / 1000) + 3_600)
    .sign(await importPKCS8(account.private_key, 'RS256'))
  const { text } = await callProvider({
    provider: 'fcm',
    url: account.token_uri,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
    }).toString(),
  }).catch((error: unknown) => {
    // The message itself was not handed over, whatever the answer is.
    throw error instanceof HandoverError ? new HandoverError('later', error.message, { cause: error }) : error
  })
  const { access_token: value, expires_in: seconds = 3_600 } = JSON.parse(text) as {
    readonly access_token: string
    readonly expires_in?: number
  }
  return { value, until: now + seconds * 1000 - reserve }
}
