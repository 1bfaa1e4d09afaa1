import type { HostedRoute } from '../hosted-route.ts'
import type { AnswerFacts } from './envelope.ts'
import { Reply } from './reply.ts'

/**
 * The Response of what a handler gave. Data is checked against the schema that the route declares for its status, so that
 * nothing goes out which the route does not promise; anything else fails, as a failure inside.
 */
export function answer(route: HostedRoute, result: unknown, added: Headers, facts: AnswerFacts): Response {
  const headers = new Headers(added)
  if (route.access !== 'public' && !headers.has('cache-control')) headers.set('cache-control', 'no-store')
  if (isResponse(result)) return withHeaders(result, headers)
  const {
    status,
    data,
    headers: own,
  } = result instanceof Reply ? result : new Reply(statusOf(route, result), result)
  for (const [name, value] of Object.entries(own)) headers.set(name, value)
  const declared = Object.hasOwn(route.responses, status) ? route.responses[status] : undefined
  if (declared === null && (data === undefined || data === null))
    return new Response(null, { status, headers })
  if (declared === undefined || declared === null || typeof declared === 'string')
    throw new Error(`${route.name} answered ${status}, which it does not declare so.`)
  headers.set('content-type', 'application/json')
  return new Response(JSON.stringify(route.envelope.success(declared.parse(data), facts)), {
    status,
    headers,
  })
}

/** The first success that is declared for data or, where there is none, for no body. */
function statusOf({ name, responses }: HostedRoute, result: unknown): number {
  const found = Object.entries(responses).find(
    ([status, declared]) =>
      Number(status) < 300 &&
      (result === undefined ? declared === null : typeof declared === 'object' && declared !== null),
  )
  if (!found)
    throw new Error(`${name} answered ${result === undefined ? 'nothing' : 'data'} and declares none.`)
  return Number(found[0])
}

/** A Response of the handler's keeps its own headers; cookies are added to them. */
function withHeaders(response: Response, added: Headers): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of added) {
    if (name === 'set-cookie') headers.append(name, value)
    else if (!headers.has(name)) headers.set(name, value)
  }
  return new Response(response.body, { status: response.status, headers })
}

/** By its tag: @hono/node-server puts a class of its own in the place of Node's, and `fetch` still gives Node's. */
const isResponse = (value: unknown): value is Response =>
  Object.prototype.toString.call(value) === '[object Response]'
