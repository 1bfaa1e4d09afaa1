import type { IncomingMessage } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import { anonymousCaller } from '../database/index.ts'
import { AppError, type Clock } from '../kernel/index.ts'
import { addressKey } from './address-key.ts'
import type { HostedProject, RootEnv } from './app-options.ts'
import type { BodyRoom } from './body-room.ts'
import { takeLongBody } from './body-time.ts'
import type { RequestFacts } from './callers/caller-source.ts'
import { type CallerChain, identifyCaller, readCredentials } from './callers/identify-caller.ts'
import { readCookie } from './callers/read-cookie.ts'
import { compressAnswer } from './compress-answer.ts'
import { corsHeaders, openCors } from './cors/cors.ts'
import { preflightFor } from './cors/preflight.ts'
import { httpErrors } from './errors.ts'
import { boundBody } from './limit-body.ts'
import { socketOf } from './start-request.ts'
import type { Surface } from './surface.ts'

export interface Entrance {
  readonly project: HostedProject
  readonly surface: Surface
  readonly clock: Clock
  readonly bodyLimitBytes: number
  /** Of the whole server. */
  readonly bodyRoom: BodyRoom
  readonly publicUrl?: string | undefined
}

/**
 * What happens before a surface sees a request: CORS, who asks, how large and how slow it may be. Every request passes here:
 * `c.get` instead of `c.var`, which copies all variables, and no header is read that nobody needs.
 */
export function enterSurface(entrance: Entrance): MiddlewareHandler<RootEnv> {
  const { project, surface, bodyLimitBytes, bodyRoom: room } = entrance
  const base = `/${project.name}${surface.path}`
  const cors = project.cors ?? openCors
  const preflight = preflightFor(cors)
  const identify = identifierFor(entrance)
  const hasSessions = project.callers?.some(({ isAmbient }) => isAmbient) ?? false
  /** A page that makes a victim's browser ask, and sees how long the answers are, learns their secrets (BREACH). */
  const mayCompress = (c: Context<RootEnv>) =>
    surface.compresses !== false && !(hasSessions && c.req.header('cookie') !== undefined)
  return async (c, next) => {
    // A surface with a longer path has had this request and has nothing there.
    if (c.get('surface')) throw httpErrors.not_found({ path: c.req.path.slice(project.name.length + 1) })
    const path = c.req.path.slice(base.length) || '/'
    const { method } = c.req
    c.set('surface', surface)
    c.set('path', path)
    if (cors.origins !== '*') setHeaders(c, corsHeaders(cors, c.req.header('origin')))
    if (method === 'OPTIONS') {
      c.set('caller', anonymousCaller)
      const isPreflight = c.req.header('access-control-request-method') !== undefined
      return isPreflight || !surface.answersOptions ? preflight(c, next) : next()
    }
    const listeners: AnswerListener[] = []
    try {
      await serve(c, next, path, (listener) => listeners.push(listener))
      for (const listener of listeners) listener(c.res.status)
    } catch (error) {
      for (const listener of listeners) listener(error instanceof AppError ? error.status : 500)
      throw error
    }
  }

  async function serve(
    c: Context<RootEnv>,
    next: () => Promise<void>,
    path: string,
    whenAnswered: RequestFacts['whenAnswered'],
  ): Promise<void> {
    const { method } = c.req
    const caller = await identify(c, path, whenAnswered)
    if (caller.permissions && !surface.takesScopedCallers)
      throw httpErrors.key_out_of_scope({ permissions: caller.permissions.join(', ') })
    c.set('caller', { ...caller, requestId: c.get('requestId') })
    const bodyLimit = surface.bodyLimit?.(path, method) ?? bodyLimitBytes
    const place = boundBody(c, { limit: bodyLimit, room, holder: addressKey(c.get('clientAddress')) })
    if (surface.takesLongBodies?.(path, method)) allowLongBody(c)
    if (mayCompress(c)) compress(c)
    const timeLimit = surface.timeLimit?.(path, method)
    const handle = place ? () => next().finally(place.leave) : next
    return timeLimit === undefined ? handle() : within(timeLimit, c, handle)
  }
}

type AnswerListener = (status: number) => void

function identifierFor({ project, surface, clock, publicUrl }: Entrance) {
  const { keys, callers: sources = [], cors = openCors, name } = project
  const chain: CallerChain = { keys, sources, cors, publicUrl }
  return async (c: Context<RootEnv>, path: string, whenAnswered: RequestFacts['whenAnswered']) => {
    if (surface.ignoresCredentials?.(path, c.req.method)) return anonymousCaller
    const needsKey = surface.needsKey(path, c.req.method)
    const credentials = readCredentials((header) => c.req.header(header), queryOf(c.req.url))
    return identifyCaller(chain, credentials, factsOf(c, name, whenAnswered), { clock, needsKey })
  }
}

const factsOf = (
  c: Context<RootEnv>,
  project: string,
  whenAnswered: RequestFacts['whenAnswered'],
): RequestFacts => ({
  method: c.req.method,
  path: c.req.path.slice(project.length + 1),
  clientAddress: c.get('clientAddress'),
  header: (name) => c.req.header(name),
  query: (name) => c.req.query(name),
  cookie: (name) => readCookie(c.req.header('cookie'), name),
  setHeader: (name, value) => setHeaders(c, [[name, value]]),
  whenAnswered,
})

function compress(c: Context<RootEnv>): void {
  const socket = socketOf(c)
  const accepted = socket?.incoming.headers['accept-encoding']
  if (typeof accepted === 'string') compressAnswer(accepted, socket?.outgoing)
}

function allowLongBody(c: Context<RootEnv>): void {
  const socket = socketOf(c)
  if (socket) takeLongBody(socket.incoming as IncomingMessage)
}

/** Parsed only where a key can be in it: building URLSearchParams for every request costs. */
function queryOf(url: string): URLSearchParams | undefined {
  const at = url.indexOf('?')
  return at >= 0 && url.includes('apikey=', at) ? new URLSearchParams(url.slice(at + 1)) : undefined
}

/** Set on the socket's side, like the fixed headers: on a finished Response they would make Hono copy it. */
function setHeaders(c: Context<RootEnv>, headers: ReturnType<typeof corsHeaders>): void {
  const outgoing = socketOf(c)?.outgoing
  for (const [name, value] of headers) {
    if (value === null) outgoing?.removeHeader(name)
    else outgoing?.setHeader(name, value)
  }
}

/** Fails with `answer_too_slow` when `next` has not answered in time; its signal is aborted, what it answers is dropped. */
async function within(limit: number, c: Context<RootEnv>, next: () => Promise<void>): Promise<void> {
  const deadline = new AbortController()
  c.set('deadline', deadline.signal)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = httpErrors.answer_too_slow({ seconds: limit / 1000 })
      reject(error)
      deadline.abort(error)
    }, limit)
  })
  try {
    await Promise.race([next(), late])
  } finally {
    clearTimeout(timer)
  }
}
