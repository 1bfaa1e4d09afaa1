/** An error as Razorpay answers it. */
export class RazorpayFailure extends Error {
  readonly status: number
  /** What stands under `error` in the answer. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(String(body['description'] ?? 'failed'))
    this.status = status
    this.body = body
  }
}

/** A request that cannot be served as it is. */
export const badRequest = (description: string, field?: string): RazorpayFailure =>
  new RazorpayFailure(400, {
    code: 'BAD_REQUEST_ERROR',
    description,
    source: 'business',
    step: 'payment_initiation',
    reason: 'input_validation_failed',
    metadata: {},
    ...(field ? { field } : {}),
  })

/** Nothing has this id: Razorpay answers 400 and not 404. */
export const unknownId = (): RazorpayFailure => badRequest('The id provided does not exist')
