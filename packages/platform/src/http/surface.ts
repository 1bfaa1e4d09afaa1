import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hono } from 'hono'
import type { Caller } from '../database/index.ts'
import type { Log } from '../kernel/index.ts'

/** What every surface finds in `c.var` when a request reaches it. */
export interface SurfaceEnv {
  Variables: {
    requestId: string
    /** Who asks; signature and expiry are already checked. See `identifyCaller`. */
    caller: Caller
    /** Address of the client, for limits and logs. */
    clientAddress: string
    /** True when the client's connection is encrypted, by the socket or by the word of a trusted proxy. */
    isSecure: boolean
    log: Log
    /** Path below the surface's own, starting with `/`, still percent-encoded. */
    path: string
    /** Aborted when the surface's time limit has passed; undefined where it has none. */
    deadline: AbortSignal | undefined
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

/** One protocol of a project: rest, auth, realtime, routes. Made once per project by a factory. */
export interface Surface {
  /** Mounted here below the project's address: `/rest/v1`. Of two that fit, the longer path answers. */
  readonly path: string
  readonly app: Hono<SurfaceEnv>
  /** True when a request without any credentials is refused before it reaches the surface. `path` as in `c.var`. */
  needsKey(path: string, method: string): boolean
  /** True where keys and tokens are somebody else's (a provider's webhook): they are not read, and the caller is anon. */
  ignoresCredentials?(path: string, method: string): boolean
  /** Answers a failure in the shape that this surface's clients expect. */
  renderError(error: unknown, requestId: string): Response
  /** Takes a connection over; what it throws is answered over HTTP by `renderError`. Left out, upgrades are refused. */
  handleUpgrade?(upgrade: Upgrade): Promise<void>
  /** Largest body in bytes, checked as it arrives; Infinity for none. Default: the server's. */
  bodyLimit?(path: string, method: string): number
  /** True: the body may take as long as bytes keep coming. Default false: a minute for the whole request. */
  takesLongBodies?(path: string, method: string): boolean
  /**
   * Milliseconds until the answer begins; then the caller gets `answer_too_slow` and `c.var.deadline` is aborted.
   * Undefined: none.
   */
  timeLimit?(path: string, method: string): number | undefined
  /** True: OPTIONS reaches `app` without credentials, unless it is a browser's preflight. Default false. */
  readonly answersOptions?: boolean
  /** True: minds `caller.permissions` itself. Default false: a caller with scopes of its own is refused. */
  readonly takesScopedCallers?: boolean
  /** False: answers hold secrets and go out as they are (BREACH). Default true. */
  readonly compresses?: boolean
}

/** Pages of the server itself, beside the projects: `/dashboard`, `/docs`, `/metrics`. */
export interface RootSurface {
  /** At the root of the server; no project may have this name. */
  readonly path: string
  readonly app: Hono<RootSurfaceEnv>
}

/** Nobody is identified on a root surface: it checks its callers itself. */
export interface RootSurfaceEnv {
  Variables: Pick<SurfaceEnv['Variables'], 'requestId' | 'clientAddress' | 'isSecure' | 'log'>
}
