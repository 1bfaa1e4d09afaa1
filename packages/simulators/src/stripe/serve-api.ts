import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import { answerCall, type HttpCall, pause } from '../core/answer-call.ts'
import type { PlannedFault } from '../core/faults.ts'
import { type Form, readForm } from '../core/form.ts'
import { findKept, fingerprintOf, type KeptAnswer } from '../core/kept-answers.ts'
import type { Simulation } from '../core/simulation.ts'
import { type Expansion, expandObject } from './expand.ts'
import { docUrl, StripeFailure } from './failure.ts'
import type { Route } from './routes.ts'

type App = Hono<{ Bindings: HttpBindings }>

/** The call that is being answered, as events name it. */
export interface CurrentRequest {
  readonly id: string
  readonly idempotency_key: string | null
}

interface ApiOptions {
  readonly simulation: Simulation
  readonly routes: readonly Route[]
  readonly expansion: Expansion
  readonly secretKey: string
  readonly apiVersion: string
  newRequestId(): string
  /** Runs work as part of a call. */
  during<T>(request: CurrentRequest, work: () => T): T
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly request?: string
  readonly replayed?: boolean
}

/** Longest body of a call. Bytes. */
const longestBody = 1_048_576

/** Adds the API to an app: keys, versions, idempotency, faults, and the routes. */
export function serveApi(app: App, options: ApiOptions): void {
  for (const route of options.routes)
    app.on(route.method, route.path, (call) => answerApi(call, options, route))
  app.all('/v1/*', (call) => answerApi(call, options, undefined))
}

function answerApi(call: HttpCall, options: ApiOptions, route: Route | undefined): Promise<Response> {
  const id = options.newRequestId()
  return answerCall(call, options.simulation, {
    perform: (text, fault) => answerOnce(call, options, { route, id, text, fault }),
    respond: (answer) => respond(call, options, id, answer),
    wait: (milliseconds) => withKeyInUse(call, milliseconds),
  })
}

/** The work is done and the answer is late: the same key meanwhile is refused. */
async function withKeyInUse(call: HttpCall, milliseconds: number): Promise<void> {
  const key = call.req.header('idempotency-key')
  if (key) keysInUse.add(key)
  await pause(milliseconds)
  if (key) keysInUse.delete(key)
}

const keysInUse = new Set<string>()

interface Received {
  readonly route: Route | undefined
  readonly id: string
  readonly text: string
  readonly fault: PlannedFault | undefined
}

/** Everything from here to the answer happens in one go: calls do not interleave. */
function answerOnce(call: HttpCall, options: ApiOptions, received: Received): Answer {
  try {
    checkKey(call, options.secretKey)
    if (received.fault?.status) throw failureOf(received.fault)
    if (received.text.length > longestBody)
      throw new StripeFailure(413, { message: 'Request too large' }, false)
    return answerByKey(call, options, received)
  } catch (error) {
    return renderFailure(error)
  }
}

function answerByKey(call: HttpCall, options: ApiOptions, received: Received): Answer {
  const { simulation } = options
  const key = call.req.method === 'POST' ? call.req.header('idempotency-key') : undefined
  if (key === undefined) return perform(call, options, received, null)
  if (key.length > 255)
    throw new StripeFailure(400, { message: 'Idempotency-Key is too long', type: 'idempotency_error' }, false)
  if (keysInUse.has(key)) throw keyInUse(key)
  const answers = simulation.table<KeptAnswer>('idempotency')
  const now = simulation.time.own()
  const fingerprint = fingerprintOf(call.req.method, call.req.path, received.text)
  const found = findKept(answers, key, { fingerprint, now })
  if (found === 'other') throw otherCall(key)
  if (found) return { status: found.status, body: found.body, request: found.request, replayed: true }
  const keep = ({ status, body }: Answer) =>
    answers.put({ id: key, fingerprint, request: received.id, status, body, at: now })
  try {
    const answer = perform(call, options, received, key)
    keep(answer)
    return answer
  } catch (error) {
    const answer = renderFailure(error)
    if (!(error instanceof StripeFailure) || error.begun) keep(answer)
    return answer
  }
}

const otherCall = (key: string) =>
  new StripeFailure(
    400,
    {
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      type: 'idempotency_error',
    },
    false,
  )

const keyInUse = (key: string) =>
  new StripeFailure(
    409,
    {
      code: 'idempotency_key_in_use',
      message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
      type: 'idempotency_error',
    },
    false,
  )

function perform(
  call: HttpCall,
  options: ApiOptions,
  { route, id, text }: Received,
  key: string | null,
): Answer {
  if (!route)
    throw new StripeFailure(404, {
      message: `Unrecognized request URL (${call.req.method}: ${call.req.path}). The simulator has no such call; https://stripe.com/docs lists Stripe's.`,
      type: 'invalid_request_error',
    })
  const params: Form = readForm(call.req.method === 'POST' ? text : new URL(call.req.url).search.slice(1))
  options.simulation.runDue()
  const { object, expand } = options.during({ id, idempotency_key: key }, () =>
    route.answer(params, call.req.param() as Record<string, string>),
  )
  const expanded = expandObject(object, expand, options.expansion)
  return { status: 200, body: `${JSON.stringify(expanded, null, 2)}\n` }
}

function respond(call: HttpCall, { apiVersion }: ApiOptions, id: string, answer: Answer): Response {
  const key = call.req.header('idempotency-key')
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, no-store',
      'request-id': id,
      'stripe-version': call.req.header('stripe-version') ?? apiVersion,
      ...(key ? { 'idempotency-key': key } : {}),
      ...(answer.replayed ? { 'idempotent-replayed': 'true', 'original-request': answer.request! } : {}),
    },
  })
}

function checkKey(call: HttpCall, secretKey: string): void {
  const header = call.req.header('authorization') ?? ''
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +(\S+)$/i.exec(header) ?? []
  const given =
    scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString().split(':')[0]! : value
  if (given === secretKey) return
  const message = given
    ? `Invalid API Key provided: ${given.slice(0, 8)}${'*'.repeat(Math.max(0, Math.min(given.length, 30) - 12))}${given.slice(-4)}`
    : "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
  throw new StripeFailure(401, { message, type: 'invalid_request_error' }, false)
}

/** What Stripe would say, when the fault does not. */
const usualErrors: Readonly<Record<number, Readonly<Record<string, unknown>>>> = {
  402: {
    type: 'card_error',
    code: 'card_declined',
    decline_code: 'generic_decline',
    message: 'Your card was declined.',
  },
  409: {
    type: 'invalid_request_error',
    code: 'lock_timeout',
    message:
      'This object cannot be accessed right now because another API request or Stripe process is currently accessing it.',
  },
  429: { type: 'invalid_request_error', code: 'rate_limit', message: 'Request rate limit exceeded.' },
}

function failureOf({ status = 500, error }: PlannedFault): StripeFailure {
  const usual = usualErrors[status] ?? { type: 'api_error', message: 'An unknown error occurred.' }
  return new StripeFailure(status, { ...usual, ...error }, false)
}

function renderFailure(error: unknown): Answer {
  const failure =
    error instanceof StripeFailure
      ? error
      : new StripeFailure(500, {
          type: 'api_error',
          message: `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`,
        })
  const code = failure.body['code']
  const body = { error: { ...docUrl(typeof code === 'string' ? code : undefined), ...failure.body } }
  return { status: failure.status, body: `${JSON.stringify(body, null, 2)}\n` }
}
