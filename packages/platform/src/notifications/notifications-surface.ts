import { type Context, Hono } from 'hono'
import type { ProjectDatabase } from '../database/index.ts'
import { limitBody, logFailure, renderPlainError, type Surface, type SurfaceEnv } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import { type Fact, type FactOptions, storeFacts } from './callbacks/facts.ts'
import { isSignedBySendGrid, readSendGridEvents } from './callbacks/sendgrid-events.ts'
import {
  type FetchCertificate,
  isAmazon,
  isSignedBySns,
  readSesEvent,
  readSnsEnvelope,
  type SnsEnvelope,
} from './callbacks/sns-events.ts'
import { isSignedByTwilio, readTwilioStatus } from './callbacks/twilio-status.ts'
import { notificationErrors } from './errors.ts'
import type { NotificationSettings } from './settings.ts'
import { unsubscribe } from './unsubscribe/unsubscribe.ts'
import { readUnsubscription } from './unsubscribe/unsubscribe-links.ts'
import { askPage, donePage } from './unsubscribe/unsubscribe-page.ts'

export interface NotificationsSurfaceOptions extends FactOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly settings: NotificationSettings
  /** The project's address, as providers know it. */
  readonly url: string
  readonly unsubscribeKey: Buffer
  readonly vapidPublicKey: string
  /** Fetches from Amazon only. */
  readonly fetchText: FetchCertificate
  /** Adds pages of development; undefined elsewhere. */
  readonly addPreview?: ((app: Hono<SurfaceEnv>) => void) | undefined
}

export const notificationsPath = '/notifications'

/** Events come in batches; SendGrid's are the largest. */
const longestBody = 2 * 1024 * 1024

/** `/notifications`: what providers report, the link that ends marketing, and the key that browsers subscribe with. */
export function createNotificationsSurface(options: NotificationsSurfaceOptions): Surface {
  const app = new Hono<SurfaceEnv>()
  app.onError((error, c) => {
    const response = renderPlainError(error, c.var.requestId)
    logFailure(c.var.log, error, response.status)
    return response
  })
  app.use(limitBody(longestBody))
  app.use(async (c, next) => {
    await next()
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
  })
  app.post('/callbacks/sendgrid', takeSendGrid(options))
  app.post('/callbacks/twilio', takeTwilio(options))
  app.post('/callbacks/ses', takeSes(options))
  app.get('/unsubscribe', (c) => {
    const token = c.req.query('token') ?? ''
    const { topic } = readUnsubscription(options.unsubscribeKey, token)
    return c.html(askPage(token, topic), 200, pageHeaders)
  })
  app.post('/unsubscribe', async (c) => {
    await unsubscribe(options, readUnsubscription(options.unsubscribeKey, c.req.query('token') ?? ''))
    return c.html(donePage(), 200, pageHeaders)
  })
  app.get('/push-key', (c) =>
    c.json({ key: options.vapidPublicKey }, 200, { 'cache-control': 'public, max-age=300' }),
  )
  options.addPreview?.(app)
  const isOpen = (path: string) => /^\/(callbacks\/|unsubscribe$|preview)/.test(path)
  return {
    path: notificationsPath,
    app,
    needsKey: (path) => !isOpen(path),
    // Tokens of mails and signatures of providers say who asks, not keys.
    ignoresCredentials: isOpen,
    renderError: renderPlainError,
    bodyLimit: () => longestBody,
  }
}

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
}

type Handler = (options: NotificationsSurfaceOptions) => (c: Context<SurfaceEnv>) => Promise<Response>

const refused = (provider: string) => notificationErrors.callback_refused({ provider })

const bodyOf = async (c: Context<SurfaceEnv>): Promise<Buffer> => Buffer.from(await c.req.arrayBuffer())

/** What a provider signed but nobody can read is refused, so that it shows in the provider's own log. */
function readOr<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw notificationErrors.notification_invalid(
      { problem: 'the callback is not what the provider documents' },
      cause,
    )
  }
}

const takeSendGrid: Handler = (options) => async (c) => {
  const { settings, clock } = options
  const body = await bodyOf(c)
  const signed = isSignedBySendGrid(settings.sendgridWebhookKey ?? '', {
    signature: c.req.header('x-twilio-email-event-webhook-signature') ?? '',
    timestamp: c.req.header('x-twilio-email-event-webhook-timestamp') ?? '',
    body,
    now: clock.now(),
  })
  if (!settings.sendgridWebhookKey || !signed) throw refused('SendGrid')
  return answer(
    c,
    await storeFacts(
      options,
      readOr(() => readSendGridEvents(body)),
    ),
  )
}

const takeTwilio: Handler = (options) => async (c) => {
  const { settings, url, clock } = options
  const form = new URLSearchParams((await bodyOf(c)).toString())
  const { search } = new URL(c.req.url)
  const signature = c.req.header('x-twilio-signature') ?? ''
  const address = `${url}${notificationsPath}/callbacks/twilio${search}`
  if (
    !settings.twilioAuthToken ||
    !isSignedByTwilio(settings.twilioAuthToken, { signature, url: address, form })
  )
    throw refused('Twilio')
  const fact = readTwilioStatus(form, c.req.query('id') ?? null, clock)
  return answer(c, fact ? await storeFacts(options, [fact]) : 0)
}

const takeSes: Handler = (options) => async (c) => {
  const { settings, fetchText } = options
  const envelope = readEnvelope(await bodyOf(c))
  const topic = settings.sesTopicArn ?? ''
  if (!envelope || topic === '' || !(await isSignedBySns(envelope, { topic, fetchCertificate: fetchText })))
    throw refused('Amazon SNS')
  if (
    envelope.Type === 'SubscriptionConfirmation' &&
    envelope.SubscribeURL &&
    isAmazon(envelope.SubscribeURL)
  )
    await fetchText(envelope.SubscribeURL)
  const fact: Fact | undefined = envelope.Type === 'Notification' ? readSesEvent(envelope) : undefined
  return answer(c, fact ? await storeFacts(options, [fact]) : 0)
}

function readEnvelope(body: Buffer): SnsEnvelope | undefined {
  try {
    return readSnsEnvelope(body)
  } catch {
    return undefined
  }
}

const answer = (c: Context<SurfaceEnv>, stored: number): Response => c.json({ stored })
