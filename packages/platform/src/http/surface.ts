import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import type { Caller } from '../database/index.ts'
import type { Log } from '../kernel/index.ts'

/** What every surface finds in `c.var` when a request reaches it. */
export interface SurfaceEnv {
  Variables: {
    requestId: string
    /** Who asks, from the bearer token, else the API key: signature and expiry are already checked. */
    caller: Caller
    /** Address of the client, for limits and logs. */
    clientAddress: string
    log: Log
  }
}

/** A connection whose client asks to speak another protocol than HTTP (RFC 9110, 7.8). */
export interface Upgrade {
  readonly request: IncomingMessage
  /** Its errors are heard already, until it is closed. */
  readonly socket: Duplex
  /** What came with the request and belongs to the new protocol. */
  readonly head: Buffer
  /** The path below the surface's, as sent: `/websocket`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Address of the client, for limits and logs. */
  readonly clientAddress: string
}

/** One protocol of a project: rest, auth, realtime, functions. Made once per project by a factory. */
export interface Surface {
  /** Mounted here below the project's address: `/rest/v1`. */
  readonly path: string
  readonly app: Hono<SurfaceEnv>
  /** True when a request without an API key is refused before it reaches the surface. */
  needsKey(path: string): boolean
  /** Answers a failure in the shape that this surface's clients expect. */
  renderError(error: unknown, requestId: string): Response
  /** Takes a connection over; what it throws is answered over HTTP by `renderError`. Left out, upgrades are refused. */
  handleUpgrade?(upgrade: Upgrade): Promise<void>
}
