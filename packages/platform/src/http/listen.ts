import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { hasCode } from '../kernel/index.ts'
import { httpErrors } from './errors.ts'
import { refuseUnreadable } from './refuse-unreadable.ts'
import { fixedHeaders } from './response-headers.ts'

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export interface ListenOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the environment's type is the app's own affair
  readonly app: Hono<any>
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly onUpgrade: UpgradeHandler
  /** A client that takes longer for its line and headers is cut off. Default 10,000. */
  readonly headMilliseconds?: number
}

/** A server that answers requests. */
export interface Listening {
  readonly port: number
  /** Takes no new work, finishes what is in flight for up to `graceMilliseconds`, then cuts what is left. */
  stop(graceMilliseconds: number): Promise<void>
}

/** A client that sends its head or body slower than this is cut off, at the latest half as much later. Milliseconds. */
const slowestHead = 10_000
const slowestRequest = 60_000
/** Most bytes of a request's line and headers together: the longest query string that rest reads, and a long token. */
const longestHead = 98_304
const keepAlive = 65_000
/** While stopping: how soon a connection that has had its last answer is closed. */
const idleCheck = 50

/** Starts to listen. Fails with `port_in_use` or `port_forbidden`. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { app, host, port, onUpgrade, headMilliseconds = slowestHead } = options
  const server = createServer(
    {
      headersTimeout: headMilliseconds,
      requestTimeout: slowestRequest,
      connectionsCheckingInterval: headMilliseconds / 2,
      keepAliveTimeout: keepAlive,
      maxHeaderSize: longestHead,
    },
    // HTTP/1.0 knows no Host, and load balancers still ask for health by it.
    withFixedHeaders(getRequestListener(app.fetch, { hostname: 'localhost' })),
  )
  server.on('upgrade', onUpgrade)
  server.on('clientError', refuseUnreadable)
  await bind(server, host, port)
  return { port: (server.address() as AddressInfo).port, stop: (grace) => stop(server, grace) }
}

type RequestListener = ReturnType<typeof getRequestListener>

function withFixedHeaders(answer: RequestListener): RequestListener {
  return (incoming, outgoing) => {
    for (const [name, value] of fixedHeaders) outgoing.setHeader(name, value)
    return answer(incoming, outgoing)
  }
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(bindFailure(error, host, port)))
    server.listen(port, host, resolve)
  })
}

function bindFailure(error: Error, host: string, port: number): Error {
  if (hasCode(error, 'EADDRINUSE')) return httpErrors.port_in_use({ host, port }, error)
  if (hasCode(error, 'EACCES') || hasCode(error, 'EADDRNOTAVAIL'))
    return httpErrors.port_forbidden({ host, port }, error)
  return error
}

async function stop(server: Server, graceMilliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), idleCheck)
  const cut = setTimeout(() => server.closeAllConnections(), graceMilliseconds)
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}
