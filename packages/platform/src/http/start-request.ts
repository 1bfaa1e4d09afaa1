import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { newId } from '../kernel/index.ts'
import type { AppOptions, RootEnv } from './app-options.ts'
import { clientAddressOf } from './client-address.ts'
import { transportSecurity } from './response-headers.ts'
import { cameByHttps, requireHttps, type TransportRules } from './transport.ts'

const acceptableRequestId = /^[\w-]{8,64}$/

/** Names the request and its client, and tells browsers to stay with HTTPS where they came by it (RFC 6797). */
export function startRequest({ log, trustedProxies = 0 }: AppOptions): MiddlewareHandler<RootEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const requestId = given && acceptableRequestId.test(given) ? given : newId()
    c.set('requestId', requestId)
    c.set('log', log.child({ request: requestId }))
    const socket = socketOf(c)
    const forwarded = trustedProxies === 0 ? undefined : c.req.header('x-forwarded-for')
    c.set('clientAddress', clientAddressOf(socket?.incoming.socket.remoteAddress, forwarded, trustedProxies))
    const proto = trustedProxies === 0 ? undefined : c.req.header('x-forwarded-proto')
    const isSecure = cameByHttps(socket?.incoming.socket, proto, trustedProxies)
    c.set('isSecure', isSecure)
    socket?.outgoing.setHeader('x-request-id', requestId)
    if (isSecure) socket?.outgoing.setHeader(...transportSecurity)
    await next()
  }
}

/** Refuses plain HTTP where the public address is https. */
export function refusePlainHttp(rules: TransportRules): MiddlewareHandler<RootEnv> {
  return async (c, next) => {
    const incoming = socketOf(c)?.incoming
    if (incoming) requireHttps(incoming as IncomingMessage, rules)
    await next()
  }
}

/** Node's side of the request; tests that call the app without a port have none. */
export function socketOf(c: Context): HttpBindings | undefined {
  const bindings = c.env as Partial<HttpBindings> | undefined | null
  return bindings?.incoming && bindings.outgoing ? (bindings as HttpBindings) : undefined
}
