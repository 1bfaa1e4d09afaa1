import type { Context, MiddlewareHandler } from 'hono'
import { httpErrors } from './errors.ts'

/** Refuses a body of more than `limit` bytes with `body_too_large`, by its length or, without one, as it comes. */
export function limitBody(limit: number): MiddlewareHandler {
  return (c, next) => {
    boundBody(c, limit)
    return next()
  }
}

/**
 * As {@link limitBody}, at once: a body whose length is known and too large is refused before anything of it is read; one
 * without a length fails in the middle for whoever reads it.
 */
export function boundBody(c: Context, limit: number): void {
  if (limit === Infinity) return
  const refusal = () => httpErrors.body_too_large({ limit })
  const length = c.req.header('content-length')
  if (length !== undefined && c.req.header('transfer-encoding') === undefined) {
    if (Number(length) > limit) throw refusal()
    return
  }
  // Without a length the bytes are counted as they come; asking a GET for its body would build a whole Request.
  if (c.req.method === 'GET' || c.req.method === 'HEAD' || !c.req.raw.body) return
  c.req.raw = new Request(c.req.raw, { body: countBytes(c.req.raw.body, limit, refusal), duplex: 'half' })
}

/** Reads ahead of nobody: a body that is refused unread is not asked for. */
function countBytes(body: ReadableStream<Uint8Array>, limit: number, refusal: () => Error) {
  const reader = body.getReader()
  let bytes = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        bytes += value?.byteLength ?? 0
        if (done) controller.close()
        else if (bytes <= limit) controller.enqueue(value)
        else {
          controller.error(refusal())
          await reader.cancel()
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
