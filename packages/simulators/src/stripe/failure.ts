import type { Json } from '@plinth/platform/kernel'

/** An error as Stripe answers it. */
export class StripeFailure extends Error {
  readonly status: number
  /** What stands under `error` in the answer. */
  readonly body: Readonly<Record<string, unknown>>
  /** False when the work had not begun: such an answer is not kept for the idempotency key. */
  readonly begun: boolean

  constructor(status: number, body: Readonly<Record<string, unknown>>, begun = true) {
    super(String(body['message'] ?? 'failed'))
    this.status = status
    this.body = body
    this.begun = begun
  }
}

/** A request that cannot be served as it is. `code` is one of Stripe's error codes. */
export const invalid = (message: string, details: { code?: string; param?: string } = {}): StripeFailure =>
  new StripeFailure(400, { ...details, message, type: 'invalid_request_error', ...docUrl(details.code) })

/** Nothing has this id. */
export const missing = (kind: string, id: string, param = 'id'): StripeFailure =>
  new StripeFailure(param === 'id' ? 404 : 400, {
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param,
    type: 'invalid_request_error',
    ...docUrl('resource_missing'),
  })

/** A parameter that is not as it should be: found before any work. */
export const badParameter = (message: string, param: string, code?: string): StripeFailure =>
  new StripeFailure(
    400,
    { ...(code ? { code, ...docUrl(code) } : {}), message, param, type: 'invalid_request_error' },
    false,
  )

export const docUrl = (code: string | undefined): Record<string, Json> =>
  code ? { doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` } : {}
