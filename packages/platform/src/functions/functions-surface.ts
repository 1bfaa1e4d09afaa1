import { type Context, Hono } from 'hono'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { z } from 'zod'
import {
  type ProjectDatabase,
  scopeDatabase,
  serviceCaller,
  shareOf,
  translateSqlError,
} from '../database/index.ts'
import {
  addressKey,
  httpErrors,
  logFailure,
  type Surface,
  type SurfaceEnv,
  toAppError,
} from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import { type AdminCheck, authorise, userOf } from './authorise.ts'
import type { FunctionContext, FunctionDefinition } from './define-function.ts'
import { functionErrors } from './errors.ts'

export interface FunctionsSurfaceOptions {
  readonly functions: readonly FunctionDefinition[]
  readonly database: ProjectDatabase
  readonly clock: Clock
  readonly isAdmin?: AdminCheck | undefined
}

interface Hosted {
  readonly definition: FunctionDefinition
  readonly limiter: RateLimiterMemory
}

const defaultCallsPerMinute = 600
const keyless = new Set(['public', 'webhook'])

/**
 * The functions of a project at `/functions/v1/<name>`. Answers `{success: true, data}` or
 * `{success: false, error, code, hint, request_id}`.
 */
export function createFunctionsSurface(options: FunctionsSurfaceOptions): Surface {
  const hosted = new Map(options.functions.map((definition) => [definition.name, host(definition)]))
  const app = new Hono<SurfaceEnv>()
  app.onError((error, c) => {
    const response = renderFunctionError(error, c.var.requestId)
    logFailure(c.var.log, error, response.status)
    return response
  })
  app.get('/', (c) => c.json({ success: true, data: describe(options.functions) }))
  app.all('/:name', async (c) => {
    const name = c.req.param('name')
    const found = hosted.get(name)
    if (!found)
      throw functionErrors.unknown_function({ name, known: [...hosted.keys()].join(', ') || 'none' })
    return c.json({ success: true, data: await call(found, c, options) })
  })
  return {
    path: '/functions/v1',
    app,
    needsKey: (path) => !keyless.has(hosted.get(path.slice(1))?.definition.access ?? ''),
    renderError: renderFunctionError,
  }
}

function host(definition: FunctionDefinition): Hosted {
  const points = definition.callsPerMinute ?? defaultCallsPerMinute
  return { definition, limiter: new RateLimiterMemory({ points, duration: 60 }) }
}

async function call(
  { definition, limiter }: Hosted,
  c: Context<SurfaceEnv>,
  options: FunctionsSurfaceOptions,
) {
  const { caller, clientAddress } = c.var
  requireMethod(definition, c.req.method)
  await countCall(limiter, userOf(caller) ?? addressKey(clientAddress))
  const asService = (service: typeof caller) =>
    scopeDatabase(options.database, { ...service, share: shareOf(caller) })
  await authorise({ caller, definition, isAdmin: options.isAdmin, asService })
  const rawBody = new Uint8Array(await c.req.arrayBuffer())
  const input = parseInput(definition, c.req.method === 'GET' ? c.req.query() : readJson(definition, rawBody))
  const output = await definition.handle(contextOf(c, definition, rawBody, options), input)
  return definition.output.parse(output)
}

function contextOf(
  c: Context<SurfaceEnv>,
  { name }: FunctionDefinition,
  rawBody: Uint8Array,
  { database, clock }: FunctionsSurfaceOptions,
): FunctionContext {
  const { requestId, log } = c.var
  const caller = { ...c.var.caller, via: name }
  const share = shareOf(caller)
  return {
    requestId,
    request: c.req.raw,
    rawBody,
    role: caller.role as FunctionContext['role'],
    userId: userOf(caller),
    db: scopeDatabase(database, caller),
    asService: (reason) => scopeDatabase(database, { ...serviceCaller(reason, name), requestId, share }),
    clock,
    log: log.child({ function: name }),
  }
}

function requireMethod({ name, methods = ['POST'] }: FunctionDefinition, method: string): void {
  if (!(methods as readonly string[]).includes(method)) {
    throw functionErrors.method_not_allowed({ name, method, allowed: methods.join(' or ') })
  }
}

async function countCall(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused
    throw httpErrors.too_many_requests({
      limit: limiter.points,
      window: 60,
      seconds: Math.ceil(refused.msBeforeNext / 1000),
    })
  }
}

/** A webhook's body is the provider's affair: its handler reads the raw bytes after it has checked the signature. */
function readJson(definition: FunctionDefinition, body: Uint8Array): unknown {
  if (definition.access === 'webhook' || body.length === 0) return {}
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw functionErrors.invalid_json({}, cause)
  }
}

function parseInput(definition: FunctionDefinition, given: unknown): unknown {
  const parsed = definition.input.safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw functionErrors.invalid_input({ name: definition.name, problems: problems.join('; ') })
}

function renderFunctionError(error: unknown, requestId: string): Response {
  const { status, code, message, hint, details } = toAppError(translateSqlError(error, {}), requestId)
  const headers: Record<string, string> =
    typeof details.seconds === 'number' ? { 'retry-after': String(details.seconds) } : {}
  return Response.json(
    { success: false, error: message, code, hint, request_id: requestId },
    { status, headers },
  )
}

function describe(functions: readonly FunctionDefinition[]) {
  return functions.map(({ name, summary, access, methods = ['POST'], input, output }) => ({
    name,
    summary,
    access,
    methods,
    input: z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }),
    output: z.toJSONSchema(output, { unrepresentable: 'any' }),
  }))
}
