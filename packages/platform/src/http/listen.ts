import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { hasCode } from '../kernel/index.ts'
import { type BodyTime, defaultBodyTime, limitBodyTime } from './body-time.ts'
import { httpErrors } from './errors.ts'
import { refuseUnreadable } from './refuse-unreadable.ts'
import { fixedHeaders } from './response-headers.ts'
import { refuseToLeaveHttp, type UpgradeHandler } from './upgrade.ts'

export interface ListenOptions {
  // biome-ignore lint/suspicious/noExplicitAny: the environment's type is the app's own affair
  readonly app: Pick<Hono<any>, 'fetch'>
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Takes the connections that ask to leave HTTP. Left out, all are refused. */
  readonly onUpgrade?: UpgradeHandler
  /** A client that takes longer for its line and headers is cut off. Default 10,000. */
  readonly headMilliseconds?: number
  /** How long a body may take. Default {@link defaultBodyTime}. */
  readonly bodyTime?: BodyTime
}

/** A server that answers requests. */
export interface Listening {
  readonly port: number
  /** Takes no new work, finishes what is in flight for up to `graceMilliseconds`, then cuts what is left. */
  stop(graceMilliseconds: number): Promise<void>
}

/** A client that sends its head slower than this is cut off, at the latest half as much later. Milliseconds. */
const slowestHead = 10_000
/** Most bytes of a request's line and headers together: the longest query string that rest reads, and a long token. */
const longestHead = 98_304
const keepAlive = 65_000
/** A client that takes nothing of its answer for so long is cut off. Milliseconds. */
const slowestReader = 60_000
/** While stopping: how soon a connection that has had its last answer is closed. */
const idleCheck = 50

/** Starts to listen. Fails with `port_in_use` or `port_forbidden`. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { app, host, port, onUpgrade = refuseToLeaveHttp, headMilliseconds = slowestHead } = options
  const { bodyTime = defaultBodyTime } = options
  const server = createServer(
    {
      headersTimeout: headMilliseconds,
      // The time for bodies is limited by `limitBodyTime`.
      requestTimeout: 0,
      connectionsCheckingInterval: headMilliseconds / 2,
      keepAliveTimeout: keepAlive,
      keepAlive: true,
      maxHeaderSize: longestHead,
      shouldUpgradeCallback: asksForWebSocket,
    },
    // HTTP/1.0 knows no Host, and load balancers still ask for health by it.
    withFixedHeaders(getRequestListener(app.fetch, { hostname: 'localhost' }), bodyTime),
  )
  const gone = takeFromHttp(server, onUpgrade)
  server.on('clientError', refuseUnreadable)
  server.setTimeout(slowestReader, cutIfUnread)
  await bind(server, host, port)
  return {
    port: (server.address() as AddressInfo).port,
    stop: (grace) => stop(server, gone, grace),
  }
}

/** Other protocols are offers that a server may ignore (`h2c` of Java and curl): such a request is served as it is. */
const asksForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket'

/**
 * Hands over the sockets that leave HTTP, and returns those that are still open. Node takes its error listener off them,
 * and an error that nobody hears ends the process: each socket keeps one of ours from its first to its last moment.
 */
function takeFromHttp(server: Server, onUpgrade: UpgradeHandler): ReadonlySet<Duplex> {
  const gone = new Set<Duplex>()
  const takeWith = (handler: UpgradeHandler) => (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    gone.add(socket)
    socket.once('close', () => gone.delete(socket))
    handler(request, socket, head)
  }
  server.on('connection', (socket: Socket) => socket.on('error', () => undefined))
  server.on('upgrade', takeWith(onUpgrade))
  server.on('connect', takeWith(refuseToLeaveHttp))
  return gone
}

/** An answer that nobody reads is given up; a request that is still being worked on is not. */
function cutIfUnread(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy()
}

type RequestListener = ReturnType<typeof getRequestListener>

function withFixedHeaders(answer: RequestListener, bodyTime: BodyTime): RequestListener {
  return (incoming, outgoing) => {
    for (const [name, value] of fixedHeaders) outgoing.setHeader(name, value)
    limitBodyTime(incoming as IncomingMessage, outgoing as ServerResponse, bodyTime)
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

async function stop(server: Server, gone: ReadonlySet<Duplex>, graceMilliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), idleCheck)
  const cut = setTimeout(() => {
    server.closeAllConnections()
    for (const socket of gone) socket.destroy()
  }, graceMilliseconds)
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}
