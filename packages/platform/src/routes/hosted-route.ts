import type { z } from 'zod'
import type { CreateLimiter, Limiter } from '../http/index.ts'
import type { Access } from './access/access.ts'
import {
  type AnyFunction,
  type AnyRoute,
  methods as allMethods,
  type FunctionDefinition,
  type Method,
  type Parsed,
  type RawFunctionDefinition,
  type Responses,
  type RouteLimit,
} from './define-route.ts'
import { routeErrors } from './errors.ts'
import { type BodyKind, defaultKinds } from './request/read-body.ts'
import type { Envelope } from './respond/envelope.ts'
import type { RouteContext } from './route-context.ts'

/** What was asked for, checked. */
export interface Input {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

/** A route or function as the surface runs it: with every default, and alike. */
export interface HostedRoute {
  /** For messages, logs and limits: `add-up`, `GET /bookings/:id`. */
  readonly name: string
  readonly summary: string
  readonly kind: 'route' | 'function'
  readonly methods: readonly Method[]
  /** Where it is documented; it may answer elsewhere, too. */
  readonly path: string
  readonly access: Access
  readonly params: z.ZodType | undefined
  readonly query: z.ZodType | undefined
  /** Undefined: not parsed. */
  readonly body: z.ZodType | undefined
  readonly accepts: readonly BodyKind[]
  readonly valueLimit: number
  readonly responses: Responses
  readonly envelope: Envelope
  /** True: the handler reads the request and writes the answer itself. */
  readonly isRaw: boolean
  readonly limit: Required<RouteLimit>
  readonly limiter: Limiter
  readonly bodyLimit: number
  readonly timeLimit: number
  handle(context: RouteContext, input: Input): unknown
}

export interface HostOptions {
  readonly system: string
  readonly envelope: Envelope
  readonly createLimiter: CreateLimiter
}

const defaultLimit = { calls: 600, seconds: 60, per: 'caller' } as const
export const defaultBodyLimit = 1024 * 1024
const defaultTimeLimit = 60_000
const defaultValueLimit = 3_000

export const functionsPath = '/functions/v1'
/** Prefixes of the platform's own surfaces. */
const reserved = /^\/(rest|auth|storage|realtime|functions|graphql)\/v\d|^\/openapi\.json(\/|$)/
const pathPattern = /^\/[\w.~-]+(\/(:[a-z]\w*|[\w.~-]+))*(\/\*)?$/i
const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** Fails with `invalid_route` for a path that cannot be. */
export function hostRoute(definition: AnyRoute, options: HostOptions): HostedRoute {
  const { path, method, params, query, body, responses, summary, access, handle } = definition
  requirePath(
    path,
    pathPattern,
    'it has parts like /bookings, /:id and a last /*, and begins with a fixed one',
  )
  if (reserved.test(path)) throw routeErrors.invalid_route({ path, problem: 'the platform answers there' })
  const methods = [method].flat()
  const name = `${methods.join('|')} ${path}`
  const own = {
    name,
    summary,
    kind: 'route' as const,
    methods,
    path,
    access,
    params,
    query,
    body,
    responses,
    isRaw: false,
  }
  return {
    ...own,
    ...sharedOf(definition, name, options),
    handle: (context, input) => handle(context as never, input as never),
  }
}

export function hostFunction(definition: AnyFunction, options: HostOptions): HostedRoute {
  const { name, summary, access } = definition
  requirePath(name, namePattern, 'a function’s name is kebab-case')
  const shared = {
    name,
    summary,
    access,
    kind: 'function' as const,
    params: undefined,
    ...sharedOf(definition, name, options),
  }
  return 'respond' in definition
    ? { ...shared, ...rawPart(definition) }
    : { ...shared, ...parsedPart(definition) }
}

function rawPart({ name, methods = allMethods, respond }: RawFunctionDefinition) {
  return {
    methods,
    path: `${functionsPath}/${name}/*`,
    query: undefined,
    body: undefined,
    responses: {},
    isRaw: true,
    handle: (context: RouteContext) => respond(context.request, context),
  }
}

/** A GET has its input in the query string, and a webhook reads it from the raw bytes once they are verified. */
function parsedPart(definition: FunctionDefinition) {
  const { name, methods = ['POST'], subPaths, input, query, output, access, handle } = definition
  return {
    methods,
    path: `${functionsPath}/${name}${subPaths ? '/*' : ''}`,
    query,
    body: access === 'webhook' ? undefined : input,
    responses: { 200: output },
    isRaw: false,
    handle: (context: RouteContext, given: Input) =>
      handle(context, (access === 'webhook' ? {} : given.body) as never, given.query as never),
  }
}

function sharedOf(
  definition: AnyRoute | AnyFunction,
  name: string,
  { system, envelope, createLimiter }: HostOptions,
) {
  const { limit: given, bodyLimit = defaultBodyLimit, timeLimit = defaultTimeLimit } = definition
  const limit = { ...defaultLimit, ...given }
  const parsed: Partial<Parsed> = 'respond' in definition ? {} : definition
  return {
    limit,
    limiter: createLimiter({ points: limit.calls, seconds: limit.seconds, name: `${system}/routes/${name}` }),
    bodyLimit,
    timeLimit,
    accepts: parsed.accepts ?? defaultKinds,
    valueLimit: parsed.valueLimit ?? defaultValueLimit,
    envelope: parsed.envelope ?? envelope,
  }
}

function requirePath(path: string, pattern: RegExp, problem: string): void {
  if (!pattern.test(path)) throw routeErrors.invalid_route({ path, problem })
}
