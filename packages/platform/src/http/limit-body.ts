import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { httpErrors } from './errors.ts'

/** Refuses a body of more than `limit` bytes with `body_too_large`, by its length or, without one, as it comes. */
export function limitBody(limit: number): MiddlewareHandler {
  const refuse = () => {
    throw httpErrors.body_too_large({ limit })
  }
  const count = bodyLimit({ maxSize: limit, onError: refuse })
  return (c, next) => {
    const length = c.req.header('content-length')
    if (length !== undefined && c.req.header('transfer-encoding') === undefined) {
      return Number(length) > limit ? refuse() : next()
    }
    // Without a length the bytes are counted as they come; asking a GET for its body would build a whole Request.
    return c.req.method === 'GET' || c.req.method === 'HEAD' ? next() : count(c, next)
  }
}
