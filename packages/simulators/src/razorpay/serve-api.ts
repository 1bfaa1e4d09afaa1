import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import { answerCall, type HttpCall } from '../core/answer-call.ts'
import type { PlannedFault } from '../core/faults.ts'
import { readForm } from '../core/form.ts'
import { findKept, fingerprintOf, type KeptAnswer } from '../core/kept-answers.ts'
import { badRequest, RazorpayFailure } from './failure.ts'
import type { RazorpayRoute } from './routes.ts'
import type { RazorpayWorld } from './world.ts'

interface ApiOptions {
  readonly world: RazorpayWorld
  readonly routes: readonly RazorpayRoute[]
  readonly keyId: string
}

interface Answer {
  readonly status: number
  readonly body: string
}

interface Received {
  readonly route: RazorpayRoute | undefined
  readonly body: string
  readonly fault: PlannedFault | undefined
}

/** Adds the API to an app: keys, faults, idempotent refunds, and the routes. */
export function serveRazorpayApi(app: Hono<{ Bindings: HttpBindings }>, options: ApiOptions): void {
  const answer = (route: RazorpayRoute | undefined) => (call: HttpCall) =>
    answerCall(call, options.world.simulation, {
      perform: (body, fault) => answerOnce(call, options, { route, body, fault }),
      respond: ({ status, body }) =>
        new Response(body, { status, headers: { 'content-type': 'application/json' } }),
    })
  for (const route of options.routes) app.on(route.method, route.path, answer(route))
  app.all('/v1/*', answer(undefined))
}

function answerOnce(call: HttpCall, options: ApiOptions, received: Received): Answer {
  try {
    checkKey(call, options)
    if (received.fault?.status) throw failureOf(received.fault)
    return answerByKey(call, options, received)
  } catch (error) {
    return render(error)
  }
}

/** Refunds take a key: the same call with it has the same answer. */
function answerByKey(call: HttpCall, options: ApiOptions, received: Received): Answer {
  const key = call.req.header('x-refund-idempotency')
  if (key === undefined || !call.req.path.endsWith('/refund')) return perform(call, options, received)
  if (!/^[\w-]{10,}$/.test(key))
    throw badRequest(
      'The idempotency key must be at least 10 characters long: letters, numbers, hyphens and underscores.',
    )
  const answers = options.world.simulation.table<KeptAnswer>('idempotency')
  const now = options.world.simulation.time.own()
  const fingerprint = fingerprintOf(call.req.method, call.req.path, received.body)
  const found = findKept(answers, key, { fingerprint, now })
  if (found === 'other')
    throw badRequest('Different request with the same idempotency key has already been processed.')
  if (found) return { status: found.status, body: found.body }
  const answer = perform(call, options, received)
  answers.put({ id: key, fingerprint, request: '', ...answer, at: now })
  return answer
}

function perform(call: HttpCall, { world }: ApiOptions, { route, body }: Received): Answer {
  if (!route)
    throw new RazorpayFailure(404, {
      code: 'BAD_REQUEST_ERROR',
      description: 'The requested URL was not found on the server.',
    })
  world.simulation.runDue()
  const given =
    call.req.method === 'GET' ? readForm(new URL(call.req.url).search.slice(1)) : readBody(call, body)
  return {
    status: 200,
    body: JSON.stringify(route.answer(given, call.req.param() as Record<string, string>)),
  }
}

function readBody(call: HttpCall, body: string): unknown {
  if (body === '') return {}
  if (!(call.req.header('content-type') ?? '').includes('json')) return readForm(body)
  try {
    return JSON.parse(body)
  } catch {
    throw badRequest('The request body is not valid JSON')
  }
}

function checkKey(call: HttpCall, { world, keyId }: ApiOptions): void {
  const [, value = ''] = /^Basic +(\S+)$/i.exec(call.req.header('authorization') ?? '') ?? []
  if (Buffer.from(value, 'base64').toString() === `${keyId}:${world.keySecret}`) return
  throw new RazorpayFailure(401, { code: 'BAD_REQUEST_ERROR', description: 'Authentication failed' })
}

function failureOf({ status = 500, error }: PlannedFault): RazorpayFailure {
  const usual =
    status === 429
      ? { code: 'BAD_REQUEST_ERROR', description: 'Request failed. Please try after sometime.' }
      : status >= 500
        ? {
            code: 'SERVER_ERROR',
            description:
              'We are facing some trouble completing your request at the moment. Please try again shortly.',
          }
        : { code: 'BAD_REQUEST_ERROR', description: 'The request is invalid.' }
  return new RazorpayFailure(status, {
    ...usual,
    source: 'NA',
    step: 'NA',
    reason: 'NA',
    metadata: {},
    ...error,
  })
}

function render(error: unknown): Answer {
  const failure =
    error instanceof RazorpayFailure
      ? error
      : new RazorpayFailure(500, {
          code: 'SERVER_ERROR',
          description: `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`,
        })
  return { status: failure.status, body: JSON.stringify({ error: failure.body }) }
}
