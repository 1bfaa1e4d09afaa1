import { type Context, Hono } from 'hono'
import type { ProjectDatabase } from '../database/index.ts'
import {
  type CreateLimiter,
  createMemoryLimiter,
  logFailure,
  type Surface,
  type SurfaceEnv,
} from '../http/index.ts'
import type { Clock, ErrorCatalogue } from '../kernel/index.ts'
import { isKeyless } from './access/access.ts'
import type { Roles } from './access/roles.ts'
import { type CallOptions, callRoute, type Found } from './call-route.ts'
import type { AnyFunction, AnyRoute } from './define-route.ts'
import { routeErrors } from './errors.ts'
import { defaultBodyLimit, functionsPath, type HostedRoute, hostFunction, hostRoute } from './hosted-route.ts'
import { describeRoutes } from './openapi/describe-routes.ts'
import { RouteTree } from './request/route-tree.ts'
import { answer } from './respond/answer.ts'
import { dataEnvelope, type Envelope } from './respond/envelope.ts'
import { renderRouteError } from './respond/render-error.ts'
import type { ExtendContext } from './route-context.ts'

export interface RoutesSurfaceOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly routes?: readonly AnyRoute[]
  readonly functions?: readonly AnyFunction[]
  /** What the system's SQL raises and its handlers throw. Default none. */
  readonly errors?: ErrorCatalogue<string>
  /** Default: nobody has a role. */
  readonly roles?: Roles | undefined
  /** Default: `dataEnvelope`. */
  readonly envelope?: Envelope
  /** What the system's capabilities add to the context of every handler. */
  readonly extendContext?: ExtendContext
  /** Counts calls. Default: in this process. */
  readonly createLimiter?: CreateLimiter | undefined
  /** For the API reference. */
  readonly info?: { readonly summary?: string; readonly url?: string }
}

/**
 * The routes and functions of a project: one surface for each first part of a route's path, one at `/functions/v1`, where
 * routes answer, too, and the OpenAPI document at `/openapi.json`. Fails with `invalid_route` or `duplicate_route`.
 */
export function createRoutesSurface(options: RoutesSurfaceOptions): readonly Surface[] {
  const host = new RouteHost(options)
  const prefixes = new Set(
    host.routes.filter(({ kind }) => kind === 'route').map(({ path }) => `/${firstPart(path)}`),
  )
  return [functionsPath, '/openapi.json', ...prefixes].map((path) => host.surfaceAt(path))
}

/** What a keyless request at the root of the server is recognised by: names of functions, first parts of routes. */
export const routeNamesOf = ({
  functions = [],
  routes = [],
}: Pick<RoutesSurfaceOptions, 'functions' | 'routes'>): ReadonlySet<string> =>
  new Set([...functions.map(({ name }) => name), ...routes.map(({ path }) => firstPart(path))])

const firstPart = (path: string): string => path.split('/', 2)[1]!

class RouteHost {
  readonly routes: readonly HostedRoute[]
  readonly #tree = new RouteTree<HostedRoute>()
  readonly #options: RoutesSurfaceOptions
  readonly #call: CallOptions
  readonly #rendering: { readonly envelope: Envelope; readonly errors: ErrorCatalogue<string> }
  #reference: string | undefined

  constructor(options: RoutesSurfaceOptions) {
    const { database, clock, roles, extendContext, envelope = dataEnvelope, errors = {} } = options
    this.#options = options
    this.#call = { database, clock, roles, extendContext }
    this.#rendering = { envelope, errors }
    const given = {
      system: database.system,
      envelope,
      createLimiter: options.createLimiter ?? createMemoryLimiter,
    }
    this.routes = [
      ...(options.functions ?? []).map((definition) => hostFunction(definition, given)),
      ...(options.routes ?? []).map((definition) => hostRoute(definition, given)),
    ]
    for (const route of this.routes) {
      this.#tree.add(route.path, route.methods, route)
      if (route.kind === 'route') this.#tree.add(`${functionsPath}${route.path}`, route.methods, route)
    }
  }

  surfaceAt(base: string): Surface {
    const app = new Hono<SurfaceEnv>()
    app.onError((error, c) => this.#fail(error, c))
    app.all('*', (c) =>
      base === '/openapi.json' ? this.#describe(c) : this.#answer(c, wholePath(base, c.var.path)),
    )
    const routeAt = (path: string, method: string) => this.#find(wholePath(base, path), method)?.route
    return {
      path: base,
      app,
      // What is not there is a 404 for everybody: the reference lists every route anyway.
      needsKey: (path, method) => {
        const route = routeAt(path, method)
        return base === '/openapi.json' || (route !== undefined && !isKeyless(route.access))
      },
      ignoresCredentials: (path, method) => routeAt(path, method)?.access === 'webhook',
      bodyLimit: (path, method) => routeAt(path, method)?.bodyLimit ?? defaultBodyLimit,
      timeLimit: (path, method) => routeAt(path, method)?.timeLimit,
      takesScopedCallers: true,
      renderError: (error, requestId) => renderRouteError(error, this.#facts(requestId), this.#rendering),
    }
  }

  #find(path: string, method: string): Found | undefined {
    const match = this.#tree.find(path)
    const route = match?.routes.get(method === 'HEAD' ? 'GET' : method)
    return match && route && { route, params: match.params, rest: match.rest }
  }

  async #answer(c: Context<SurfaceEnv>, path: string): Promise<Response> {
    const found = this.#find(path, c.req.method) ?? this.#refuse(path, c.req.method)
    try {
      const { result, headers } = await callRoute(found, c, this.#call)
      return answer(found.route, result, headers, this.#facts(c.var.requestId))
    } catch (error) {
      return this.#fail(error, c, found.route.envelope)
    }
  }

  #fail(error: unknown, c: Context<SurfaceEnv>, envelope = this.#rendering.envelope): Response {
    const response = renderRouteError(error, this.#facts(c.var.requestId), { ...this.#rendering, envelope })
    logFailure(c.var.log, error, response.status)
    return response
  }

  #refuse(path: string, method: string): never {
    const match = this.#tree.find(path)
    if (match) {
      const [first] = match.routes.values()
      const allowed = [...match.routes.keys()].join(', ')
      throw routeErrors.method_not_allowed({ name: first!.name, method, allowed })
    }
    if (!path.startsWith(`${functionsPath}/`)) throw routeErrors.unknown_route({ path })
    const functions = this.routes.filter(({ kind }) => kind === 'function').map(({ name }) => name)
    throw routeErrors.unknown_function({
      name: path.slice(functionsPath.length + 1) || '/',
      known: functions.join(', ') || 'none',
    })
  }

  /** Made when it is first asked for: most starts never need it. */
  #describe(c: Context<SurfaceEnv>): Response {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD')
      throw routeErrors.method_not_allowed({ name: '/openapi.json', method: c.req.method, allowed: 'GET' })
    if (c.var.path !== '/') throw routeErrors.unknown_route({ path: `/openapi.json${c.var.path}` })
    const { database, info, envelope = dataEnvelope } = this.#options
    this.#reference ??= JSON.stringify(
      describeRoutes(this.routes, { title: database.system, ...info, envelope }),
    )
    return c.body(this.#reference, 200, { 'content-type': 'application/json' })
  }

  #facts(requestId: string) {
    return { requestId, now: this.#options.clock.now() }
  }
}

const wholePath = (base: string, path: string): string => (path === '/' ? base : `${base}${path}`)
