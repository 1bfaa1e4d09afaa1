import Stripe from 'stripe'
import { afterAll, beforeAll } from 'vitest'
import { type Receiver, receiveWebhooks } from '../../core/tests/receive-webhooks.ts'
import { type StripeSimulator, type StripeSimulatorOptions, startStripe } from '../create-stripe.ts'

/** Where every test begins. */
export const start = Date.parse('2026-03-01T12:00:00Z')

const secret = 'whsec_test'

/** A simulator, the official SDK that talks to it, and an endpoint that it tells. */
export interface StripeAtWork {
  readonly simulator: StripeSimulator
  readonly stripe: Stripe
  readonly receiver: Receiver
  /** The events since the last call, in the order in which they arrived; the SDK checks every signature. */
  arrived(): Promise<Stripe.Event[]>
  types(): Promise<string[]>
}

/** One for a test file; its clock stands still until a test moves it. */
export function useStripe(options: StripeSimulatorOptions = {}): StripeAtWork {
  const parts: { simulator?: StripeSimulator; stripe?: Stripe; receiver?: Receiver } = {}
  beforeAll(async () => {
    parts.receiver = await receiveWebhooks()
    const webhooks = [{ url: parts.receiver.url, secret }]
    parts.simulator = await startStripe({ clock: { now: () => new Date(start) }, webhooks, ...options })
    parts.stripe = connect(parts.simulator)
  })
  afterAll(async () => {
    await parts.simulator?.stop()
    await parts.receiver?.stop()
  })
  const arrived = async () => {
    await parts.simulator!.webhooks.settled()
    return parts.receiver!.take().map(({ body, headers }) => {
      const signature = headers['stripe-signature']!
      return parts.stripe!.webhooks.constructEvent(body, signature, secret, 300, undefined, start)
    })
  }
  return {
    get simulator() {
      return parts.simulator!
    },
    get stripe() {
      return parts.stripe!
    },
    get receiver() {
      return parts.receiver!
    },
    arrived,
    types: async () => (await arrived()).map(({ type }) => type),
  }
}

/** The SDK as anybody uses it, but for the address; it does not try again by itself. */
export const connect = ({ secretKey, sdkOptions }: StripeSimulator, retries = 0): Stripe =>
  new Stripe(secretKey, { ...sdkOptions, maxNetworkRetries: retries })

/** The error that a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof Stripe.errors.StripeError) return error
  throw new Error('The call was not refused.', { cause: error })
}
