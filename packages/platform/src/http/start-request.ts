import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { newId } from '../kernel/index.ts'
import type { AppOptions, RootEnv } from './app-options.ts'
import { clientAddressOf } from './client-address.ts'
import { httpErrors } from './errors.ts'
import { transportSecurity } from './response-headers.ts'

const acceptableRequestId = /^[\w-]{8,64}$/

/** Names the request and its client, and tells browsers to stay with HTTPS where they came by it (RFC 6797). */
export function startRequest({ log, trustedProxies = 0 }: AppOptions): MiddlewareHandler<RootEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const requestId = given && acceptableRequestId.test(given) ? given : newId()
    c.set('requestId', requestId)
    c.set('log', log.child({ request: requestId }))
    const forwarded = trustedProxies === 0 ? undefined : c.req.header('x-forwarded-for')
    c.set('clientAddress', clientAddressOf(socketAddress(c), forwarded, trustedProxies))
    const isSecure = cameByHttps(c, trustedProxies)
    c.set('isSecure', isSecure)
    const outgoing = socketOf(c)?.outgoing
    outgoing?.setHeader('x-request-id', requestId)
    if (isSecure) outgoing?.setHeader(...transportSecurity)
    await next()
  }
}

/**
 * Refuses plain HTTP with `https_required`. What never left this machine is let through: a request from loopback that no
 * proxy has passed on.
 */
export function requireHttps(publicUrl: string): MiddlewareHandler<RootEnv> {
  return async (c, next) => {
    if (!c.get('isSecure') && !isLocal(c)) throw httpErrors.https_required({ url: publicUrl })
    await next()
  }
}

const loopback = /^(::ffff:)?127\.|^::1$/

function isLocal(c: Context<RootEnv>): boolean {
  const passedOn = ['x-forwarded-for', 'x-forwarded-proto', 'forwarded'].some((name) => c.req.header(name))
  return !passedOn && loopback.test(socketAddress(c) ?? '')
}

/** By the socket, or by the word of the outermost trusted proxy. */
function cameByHttps(c: Context<RootEnv>, trustedProxies: number): boolean {
  const socket: Socket | undefined = socketOf(c)?.incoming.socket
  if ((socket as TLSSocket | undefined)?.encrypted) return true
  if (trustedProxies === 0) return false
  // Many proxies replace this header instead of appending to it.
  const seen = entriesOf(c.req.header('x-forwarded-proto'))
  return (seen.at(-trustedProxies) ?? seen[0]) === 'https'
}

const entriesOf = (list = ''): readonly string[] =>
  list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

const socketAddress = (c: Context<RootEnv>): string => socketOf(c)?.incoming.socket.remoteAddress ?? 'unknown'

/** Node's side of the request; tests that call the app without a port have none. */
export function socketOf(c: Context): HttpBindings | undefined {
  const bindings = c.env as Partial<HttpBindings> | undefined | null
  return bindings?.incoming && bindings.outgoing ? (bindings as HttpBindings) : undefined
}
