import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { type Clock, type Log, newId } from '../kernel/index.ts'
import { clientAddressOf } from './client-address.ts'
import { httpErrors } from './errors.ts'
import type { HealthCheck } from './health.ts'
import { addHealthRoutes } from './health-routes.ts'
import { identifyCaller, readCredentials } from './identify-caller.ts'
import type { ProjectKeys } from './keys/project-keys.ts'
import { limitBody } from './limit-body.ts'
import { preflight } from './preflight.ts'
import type { AddressedProject, ProjectDirectory } from './project-directory.ts'
import { logFailure, renderPlainError } from './render-error.ts'
import type { Surface, SurfaceEnv } from './surface.ts'

/** A project as the HTTP server sees it. */
export interface HostedProject extends AddressedProject {
  readonly keys: ProjectKeys
  readonly surfaces: readonly Surface[]
}

export interface AppOptions {
  readonly directory: ProjectDirectory<HostedProject>
  readonly health: readonly HealthCheck[]
  readonly clock: Clock
  readonly log: Log
  /** Reverse proxies whose `X-Forwarded-For` is believed. Default 0: the socket's address is the client's. */
  readonly trustedProxies?: number
  /** Largest request body in bytes. Default 10 MiB; files will go through storage. */
  readonly bodyLimitBytes?: number
}

/** Bytes of a request body, where nobody says otherwise. */
export const defaultBodyLimit = 10 * 1024 * 1024

/** Paths that no project owns: never a project, whatever is at them. */
const unaddressed = '/-'

type RootEnv = { Variables: SurfaceEnv['Variables'] & { surface?: Surface } }

/** The whole HTTP side: every project's surfaces below its prefix, health at the root. */
export function createApp(options: AppOptions): Hono<RootEnv> {
  const { directory } = options
  const app = new Hono<RootEnv>({ getPath: (request) => canonicalPath(request, directory) })
  app.onError((error, c) => renderFailure(error, c))
  app.notFound((c) => renderFailure(notFoundAt(c), c))
  app.use(startRequest(options))
  app.options('*', preflight)
  app.use(limitBody(options.bodyLimitBytes ?? defaultBodyLimit))
  addHealthRoutes(app, { ...options, checks: options.health, projects: directory.projects })
  for (const project of directory.projects) {
    for (const surface of project.surfaces) {
      const base = `/${project.name}${surface.path}`
      app.use(`${base}/*`, enterSurface(project, surface, options.clock))
      app.route(base, surface.app)
    }
  }
  return app
}

/** Health answers at the root only; everything else starts with its project's name, and a last slash means nothing. */
function canonicalPath(request: Request, directory: ProjectDirectory<HostedProject>): string {
  const path = pathOf(request.url)
  if (path === '/health' || path.startsWith('/health/')) return path
  const key =
    request.headers.get('apikey') ??
    request.headers.get('authorization')?.replace(/^bearer\s+/i, '') ??
    undefined
  const found = directory.resolve({ host: request.headers.get('host') ?? '', path, key })
  return found ? `/${found.project.name}${found.path.replace(/\/$/, '')}` : `${unaddressed}${path}`
}

function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start < 0) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end < 0 ? url.slice(start) : url.slice(start, start + end)
}

function notFoundAt(c: Context<RootEnv>) {
  return c.req.path.startsWith(`${unaddressed}/`)
    ? httpErrors.unknown_project()
    : httpErrors.not_found({ path: pathOf(c.req.url) })
}

const acceptableRequestId = /^[\w-]{8,64}$/

function startRequest({ log, trustedProxies = 0 }: AppOptions): MiddlewareHandler<RootEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const requestId = given && acceptableRequestId.test(given) ? given : newId()
    c.set('requestId', requestId)
    c.set('log', log.child({ request: requestId }))
    const socket = socketOf(c)
    const from = socket?.incoming.socket.remoteAddress
    c.set('clientAddress', clientAddressOf(from, c.req.header('x-forwarded-for'), trustedProxies))
    socket?.outgoing.setHeader('x-request-id', requestId)
    await next()
  }
}

/** Node's side of the request; tests that call the app without a port have none. */
function socketOf(c: Context<RootEnv>): HttpBindings | undefined {
  const bindings = c.env as Partial<HttpBindings> | undefined | null
  return bindings?.incoming && bindings.outgoing ? (bindings as HttpBindings) : undefined
}

function enterSurface(project: HostedProject, surface: Surface, clock: Clock): MiddlewareHandler<RootEnv> {
  const base = `/${project.name}${surface.path}`
  return async (c, next) => {
    c.set('surface', surface)
    const needsKey = surface.needsKey(c.req.path.slice(base.length) || '/')
    const credentials = readCredentials((name) => c.req.header(name), queryOf(c.req.url))
    const caller = await identifyCaller(project.keys, credentials, { clock, needsKey })
    c.set('caller', { ...caller, requestId: c.var.requestId })
    await next()
  }
}

/** Parsed only where a key can be in it: building URLSearchParams for every request costs. */
function queryOf(url: string): URLSearchParams | undefined {
  const at = url.indexOf('?')
  return at >= 0 && url.includes('apikey=', at) ? new URLSearchParams(url.slice(at + 1)) : undefined
}

function renderFailure(error: unknown, c: Context<RootEnv>): Response {
  const { requestId, surface, log } = c.var
  const response = surface ? surface.renderError(error, requestId) : renderPlainError(error, requestId)
  logFailure(log, error, response.status)
  return response
}
