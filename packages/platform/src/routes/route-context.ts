import type { DatabaseRole } from '../database/index.ts'
import type { Clock, Log } from '../kernel/index.ts'
import type { AccessRequest } from './access/access.ts'
import type { Cookies } from './respond/cookies.ts'

/** What every handler is given; there is nothing else to reach for. */
export interface BaseRouteContext extends Omit<AccessRequest, 'header'> {
  readonly requestId: string
  /** The request as it came. Its body is already read, see `rawBody`; only a raw function reads it itself. */
  readonly request: Request
  /** The body's bytes, for signatures. Empty in a raw function. */
  readonly rawBody: Uint8Array
  /** What follows the function's name in the path: `/rest/of/path`, else the empty string. */
  readonly subPath: string
  readonly role: DatabaseRole
  /** Address of the client, for limits and logs. */
  readonly clientAddress: string
  readonly cookies: Cookies
  /** Adds a header to the answer. */
  setHeader(name: string, value: string): void
  readonly clock: Clock
  readonly log: Log
  /** Aborted when the client is gone or the route's time is over. */
  readonly signal: AbortSignal
}

/** A handler's context with what the system's capabilities add: `ctx.files`, `ctx.payments`. */
export type RouteContext<Extra extends object = object> = BaseRouteContext & Extra

/** Makes what capabilities add to a context. Called once a request; must be cheap. */
export type ExtendContext = (context: BaseRouteContext) => object
