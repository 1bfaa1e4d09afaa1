import { Hono } from 'hono'
import type { Caller } from '../database/index.ts'
import type { SurfaceEnv } from '../http/index.ts'
import type { Json, Log } from '../kernel/index.ts'

/** The request in whose name an endpoint is asked: a route's context is one. */
export interface AuthOrigin {
  readonly request: Request
  readonly caller: Caller
  readonly requestId: string
  readonly clientAddress: string
  readonly log: Log
}

/** Auth's endpoints for routes that a system has of its own: what handlers find as `ctx.auth`. */
export interface AuthCalls {
  /**
   * Asks an endpoint (`POST`, `/signup`) in the name of a request: with its caller, address and limits, and all rules of the
   * endpoint. Gives the answer's JSON, null without a body. Fails with the codes of `authErrors`.
   */
  call(origin: AuthOrigin, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Json>
}

/** Headers that endpoints read: who is signed in, and on which device. */
const forwarded = ['authorization', 'user-agent']

/** `app` has the endpoints, and throws what they throw. */
export function createAuthCalls(app: Hono<SurfaceEnv>): AuthCalls {
  const host = new Hono<SurfaceEnv & { Bindings: { readonly origin: AuthOrigin } }>()
  host.onError((error) => {
    throw error
  })
  host.use(async (c, next) => {
    const { caller, requestId, clientAddress, log } = c.env.origin
    c.set('caller', caller)
    c.set('requestId', requestId)
    c.set('clientAddress', clientAddress)
    c.set('log', log)
    c.set('isSecure', false)
    c.set('path', c.req.path)
    await next()
  })
  host.route('/', app)
  return {
    call: async (origin, method, path, body) => {
      const headers = new Headers(
        forwarded.flatMap((name) => {
          const value = origin.request.headers.get(name)
          return value === null ? [] : [[name, value] as [string, string]]
        }),
      )
      const sent = body === undefined ? {} : { body: JSON.stringify(body) }
      const request = new Request(`http://auth${path}`, { method, headers, ...sent })
      const answer = await host.fetch(request, { origin })
      const text = await answer.text()
      return text === '' ? null : (JSON.parse(text) as Json)
    },
  }
}
