import type Razorpay from 'razorpay'
import { messageOf } from '../../../kernel/index.ts'
import { paymentErrors } from '../../errors.ts'
import { Fields } from '../read-fields.ts'

export interface RazorpayKeys {
  readonly keyId: string
  readonly keySecret: string
  /** Another address than Razorpay's own: a simulator's. */
  readonly baseUrl: string | undefined
}

/** The official SDK, loaded when it is first called. */
export interface RazorpayApi {
  /** Fails with `payment_provider_failed`; `refused` in its details says that the provider answered and will not do it. */
  call(work: (client: Razorpay) => PromiseLike<unknown>): Promise<Fields>
  /** A call with headers that the SDK's own methods do not pass on. */
  post(path: string, body: object, headers: Readonly<Record<string, string>>): Promise<Fields>
}

const timeoutMilliseconds = 20_000

/** The SDK's HTTP client: it has no setting for the address, and passes no idempotency key. */
interface Requests {
  readonly defaults: { baseURL: string; timeout: number }
  post(path: string, body: object, options: { headers: object }): Promise<{ readonly data: unknown }>
}

interface Opened {
  readonly client: Razorpay
  readonly requests: Requests
}

export function openRazorpay({ keyId, keySecret, baseUrl }: RazorpayKeys): RazorpayApi {
  let opened: Promise<Opened> | undefined
  const open = () => {
    opened ??= import('razorpay').then(({ default: Client }) => {
      const client = new Client({ key_id: keyId, key_secret: keySecret })
      const requests = (client.api as unknown as { readonly rq: Requests }).rq
      requests.defaults.timeout = timeoutMilliseconds
      if (baseUrl) requests.defaults.baseURL = baseUrl
      return { client, requests }
    })
    return opened
  }
  const attempt = async (work: (opened: Opened) => PromiseLike<unknown>) => {
    const ready = await open()
    try {
      return new Fields(await work(ready), 'answer')
    } catch (error) {
      throw failureOf(error)
    }
  }
  return {
    call: (work) => attempt(({ client }) => work(client)),
    post: (path, body, headers) =>
      attempt(async ({ requests }) => (await requests.post(path, body, { headers })).data),
  }
}

/** The SDK throws `{ statusCode, error }`, axios an error with a response, and both something else when nobody answered. */
function failureOf(error: unknown) {
  const {
    statusCode,
    error: stated,
    response,
  } = error as {
    readonly statusCode?: number
    readonly error?: { readonly description?: string }
    readonly response?: {
      readonly status: number
      readonly data?: { readonly error?: { readonly description?: string } }
    }
  }
  const status = statusCode ?? response?.status
  const problem =
    stated?.description ??
    response?.data?.error?.description ??
    (status ? `status ${status}` : noAnswer(error))
  return paymentErrors.payment_provider_failed({ problem, refused: isFinal(status) }, error)
}

/** Other refusals may be another answer tomorrow: too many calls, a conflict with a call that is under way, keys that change. */
const isFinal = (status: number | undefined): boolean => status === 400 || status === 404 || status === 422

/** The SDK reads the status of an answer that never came. */
const noAnswer = (error: unknown): string =>
  error instanceof TypeError ? 'no answer came' : messageOf(error)
