import type { Context } from 'hono'
import {
  type Caller,
  type DatabaseRole,
  type ProjectDatabase,
  scopeDatabase,
  serviceCaller,
  shareOf,
} from '../database/index.ts'
import { addressKey, httpErrors, type SurfaceEnv } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { AccessRequest } from './access/access.ts'
import { authorise, isService, userOf } from './access/authorise.ts'
import { isPermitted, type Roles } from './access/roles.ts'
import type { HostedRoute, Input } from './hosted-route.ts'
import { checkInput } from './request/check-input.ts'
import { readBody, requirePlainBody } from './request/read-body.ts'
import { parseFields, readFields } from './request/read-fields.ts'
import { createCookies } from './respond/cookies.ts'
import type { BaseRouteContext, ExtendContext } from './route-context.ts'

export interface CallOptions {
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly roles: Roles | undefined
  readonly extendContext: ExtendContext | undefined
}

/** What a handler gave, and what it added to the answer on its way. */
export interface Called {
  readonly result: unknown
  readonly headers: Headers
}

/** Where a route was found. */
export interface Found {
  readonly route: HostedRoute
  readonly params: Readonly<Record<string, string>>
  readonly rest: string
}

/** Names in one query string. */
const mostNames = 1_000

/** Counts the call, lets the caller in, reads and checks what was sent, and runs the handler; in this order. */
export async function callRoute(found: Found, c: Context<SurfaceEnv>, options: CallOptions): Promise<Called> {
  const { route, params, rest } = found
  await countCall(route, c)
  const query = searchOf(c.req.url)
  const request = accessRequestOf(found, c, query, options)
  await authorise(route.access, request, route.name)
  const rawBody = await readBytes(route, c)
  const input = await readInput(found, query, rawBody, c)
  const headers = new Headers()
  const base: BaseRouteContext = {
    ...request,
    requestId: c.var.requestId,
    request: c.req.raw,
    rawBody,
    params,
    subPath: rest,
    role: request.caller.role as DatabaseRole,
    clientAddress: c.var.clientAddress,
    cookies: createCookies({
      header: c.req.header('cookie'),
      path: projectPath(c.req.url, options.database.system),
      secure: c.var.isSecure,
      add: (setCookie) => headers.append('set-cookie', setCookie),
    }),
    setHeader: (name, value) => headers.set(name, value),
    clock: options.clock,
    log: c.var.log.child({ route: route.name }),
    signal: c.var.deadline ? AbortSignal.any([c.req.raw.signal, c.var.deadline]) : c.req.raw.signal,
  }
  const context = options.extendContext ? Object.assign(base, options.extendContext(base)) : base
  return { result: await route.handle(context, input), headers }
}

async function countCall({ limit, limiter }: HostedRoute, c: Context<SurfaceEnv>): Promise<void> {
  const user = limit.per === 'caller' ? userOf(c.var.caller) : null
  const key = limit.per === 'everyone' ? 'everyone' : (user ?? addressKey(c.var.clientAddress))
  const seconds = await limiter.count(key)
  if (seconds > 0) throw httpErrors.too_many_requests({ limit: limit.calls, window: limit.seconds, seconds })
}

function accessRequestOf(
  { route, params }: Found,
  c: Context<SurfaceEnv>,
  query: string,
  { database, roles }: CallOptions,
): AccessRequest {
  const caller: Caller = {
    ...c.var.caller,
    via: route.name,
    ...(isRead(c) ? { gone: c.req.raw.signal } : {}),
  }
  const { requestId } = c.var
  const userId = userOf(caller)
  const share = shareOf(caller)
  const asService = (reason: string) =>
    scopeDatabase(database, { ...serviceCaller(reason, route.name), requestId, share })
  let known: Promise<ReadonlySet<string>> | undefined
  const askRoles = async () => {
    if (!roles || userId === null) return new Set<string>()
    return new Set(await roles.of(asService(`which roles the caller has, for ${route.name}`), userId))
  }
  const rolesOf = () => {
    known ??= askRoles()
    return known
  }
  let parsed: URLSearchParams | undefined
  return {
    caller,
    userId,
    params,
    get query() {
      parsed ??= parseFields(query, mostNames)
      return parsed
    },
    header: (name) => c.req.header(name),
    db: scopeDatabase(database, caller),
    asService,
    roles: rolesOf,
    may: async (permission) => {
      if (isService(caller)) return true
      if (caller.permissions && !caller.permissions.includes(permission)) return false
      // What a key carries is no more than its user has; where roles permit nothing by themselves, scopes decide alone.
      if (caller.permissions && (userId === null || !roles?.permissions)) return true
      return isPermitted(roles ?? {}, await rolesOf(), permission)
    },
  }
}

const nothing = new Uint8Array(0)

async function readBytes(route: HostedRoute, c: Context<SurfaceEnv>): Promise<Uint8Array<ArrayBuffer>> {
  if (route.isRaw || isRead(c)) return nothing
  requirePlainBody(c.req.header('content-encoding'))
  return new Uint8Array(await c.req.arrayBuffer())
}

/** A function's GET has its input in the query string. */
async function readInput(
  { route, params }: Found,
  search: string,
  bytes: Uint8Array<ArrayBuffer>,
  c: Context<SurfaceEnv>,
): Promise<Input> {
  const { name, kind, query, body } = route
  const fields = () => readFields(search, mostNames)
  const readsBody = body !== undefined && !isRead(c)
  return {
    params: route.params ? await checkInput(route.params, params, name, 'path') : params,
    query: query ? await checkInput(query, fields(), name, 'query') : undefined,
    body: readsBody
      ? await checkInput(body, await readBody(bytes, c.req.header('content-type'), route), name, 'body')
      : body && kind === 'function'
        ? await checkInput(body, fields(), name, 'query')
        : undefined,
  }
}

const isRead = (c: Context<SurfaceEnv>): boolean => c.req.method === 'GET' || c.req.method === 'HEAD'

function searchOf(url: string): string {
  const start = url.indexOf('?')
  if (start < 0) return ''
  const end = url.indexOf('#', start)
  return url.slice(start + 1, end < 0 ? undefined : end)
}

/** The path below which a browser sends the project's cookies back. */
function projectPath(url: string, system: string): string {
  const path = url.slice(url.indexOf('/', url.indexOf('://') + 3))
  return path === `/${system}` || path.startsWith(`/${system}/`) ? `/${system}` : '/'
}
