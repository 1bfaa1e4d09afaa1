import Razorpay from 'razorpay'
import { afterAll, beforeAll } from 'vitest'
import { type Receiver, receiveWebhooks } from '../../core/tests/receive-webhooks.ts'
import { type RazorpaySimulator, type RazorpaySimulatorOptions, startRazorpay } from '../create-razorpay.ts'

export const start = Date.parse('2026-03-01T12:00:00Z')
const secret = 'webhook_secret'

interface Arrived {
  readonly id: string
  readonly event: string
  readonly payload: Readonly<Record<string, { readonly entity: Readonly<Record<string, unknown>> }>>
}

/** A simulator, the official SDK that talks to it, and an endpoint that it tells. */
export interface RazorpayAtWork {
  readonly simulator: RazorpaySimulator
  readonly razorpay: Razorpay
  readonly receiver: Receiver
  /** The events since the last call, in the order in which they arrived; the SDK checks every signature. */
  arrived(): Promise<Arrived[]>
  types(): Promise<string[]>
}

/** One for a test file; its clock stands still until a test moves it. */
export function useRazorpay(options: RazorpaySimulatorOptions = {}): RazorpayAtWork {
  const parts: { simulator?: RazorpaySimulator; razorpay?: Razorpay; receiver?: Receiver } = {}
  beforeAll(async () => {
    parts.receiver = await receiveWebhooks()
    const webhooks = [{ url: parts.receiver.url, secret }]
    parts.simulator = await startRazorpay({ clock: { now: () => new Date(start) }, webhooks, ...options })
    parts.razorpay = connect(parts.simulator)
  })
  afterAll(async () => {
    await parts.simulator?.stop()
    await parts.receiver?.stop()
  })
  const arrived = async () => {
    await parts.simulator!.webhooks.settled()
    return parts.receiver!.take().map(({ body, headers }) => {
      if (!Razorpay.validateWebhookSignature(body, headers['x-razorpay-signature']!, secret))
        throw new Error('The signature is wrong.')
      return { id: headers['x-razorpay-event-id']!, ...(JSON.parse(body) as Omit<Arrived, 'id'>) }
    })
  }
  return {
    get simulator() {
      return parts.simulator!
    },
    get razorpay() {
      return parts.razorpay!
    },
    get receiver() {
      return parts.receiver!
    },
    arrived,
    types: async () => (await arrived()).map(({ event }) => event),
  }
}

/** The SDK as anybody uses it; it has no setting for the address, so that of its HTTP client is changed. */
function connect({ keyId, keySecret, url }: RazorpaySimulator): Razorpay {
  const client = new Razorpay({ key_id: keyId, key_secret: keySecret })
  const { rq } = client.api as unknown as { rq: { defaults: { baseURL: string } } }
  rq.defaults.baseURL = url
  return client
}

interface Refused {
  readonly statusCode: number
  readonly error: { readonly code: string; readonly description: string; readonly field?: string }
}

/** What a call is refused with. */
export const refusal = (call: Promise<unknown>): Promise<Refused> =>
  call.then(
    () => {
      throw new Error('The call was not refused.')
    },
    (reason: unknown) => reason as Refused,
  )
