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

/** One protocol of a project: rest, auth, realtime, functions. Made once per project by a factory. */
export interface Surface {
  /** Mounted here below the project's address: `/rest/v1`. */
  readonly path: string
  readonly app: Hono<SurfaceEnv>
  /** True when a request without an API key is refused before it reaches the surface. */
  needsKey(path: string): boolean
  /** Answers a failure in the shape that this surface's clients expect. */
  renderError(error: unknown, requestId: string): Response
}
