import type Stripe from 'stripe'
import { messageOf } from '../../../kernel/index.ts'
import { paymentErrors } from '../../errors.ts'
import { Fields } from '../read-fields.ts'

export interface StripeKeys {
  readonly secretKey: string
  /** Another address than Stripe's own: a simulator's. */
  readonly baseUrl: string | undefined
}

/** The official SDK, loaded when it is first called. */
export interface StripeApi {
  client(): Promise<Stripe>
  /** Fails with `payment_provider_failed`; `refused` in its details says that Stripe answered and will not do it. */
  call(work: (client: Stripe) => Promise<unknown>): Promise<Fields>
}

const timeoutMilliseconds = 20_000

export function openStripe({ secretKey, baseUrl }: StripeKeys): StripeApi {
  let opened: Promise<Stripe> | undefined
  const client = () => {
    opened ??= import('stripe').then(
      ({ default: Client }) =>
        // Jobs repeat calls, under the same idempotency key; the SDK once, for a connection that was closed.
        new Client(secretKey, {
          timeout: timeoutMilliseconds,
          maxNetworkRetries: 1,
          telemetry: false,
          ...(baseUrl ? addressOf(baseUrl) : {}),
        }),
    )
    return opened
  }
  return {
    client,
    call: async (work) => {
      const ready = await client()
      try {
        return new Fields(plain(await work(ready)), 'answer')
      } catch (error) {
        throw failureOf(error)
      }
    },
  }
}

/** Without the SDK's own objects (decimals, hidden response): what came over the wire. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function addressOf(baseUrl: string) {
  const { hostname, port, protocol } = new URL(baseUrl)
  const scheme = protocol === 'http:' ? ('http' as const) : ('https' as const)
  return { host: hostname, port: port || (scheme === 'http' ? '80' : '443'), protocol: scheme }
}

function failureOf(error: unknown) {
  const { statusCode } = error as { readonly statusCode?: number }
  return paymentErrors.payment_provider_failed(
    { problem: messageOf(error), refused: isFinal(statusCode) },
    error,
  )
}

/** 402 is a card that was refused, 400 and 404 a call that cannot be done; others may go another way tomorrow. */
const isFinal = (status: number | undefined): boolean => status === 400 || status === 402 || status === 404
