import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Log, newId } from '../kernel/index.ts'
import { longestFirst } from './address.ts'
import type { HostedProject } from './app-options.ts'
import { clientAddressOf } from './client-address.ts'
import { httpErrors } from './errors.ts'
import { sendLastAnswer } from './last-answer.ts'
import type { ProjectDirectory } from './project-directory.ts'
import { logFailure, renderPlainError } from './render-error.ts'
import type { Surface } from './surface.ts'
import { requireHttps, type TransportRules } from './transport.ts'

/** Takes a connection whose client asked to leave HTTP. It neither throws nor rejects. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export interface UpgradeOptions extends TransportRules {
  readonly directory: ProjectDirectory<HostedProject>
  readonly log: Log
}

/** A request's target, in parts that are not decoded. */
interface Target {
  readonly path: string
  readonly query: URLSearchParams
}

/** Brings upgrades to the surface of their path. What is refused is answered over HTTP, in the shape of that surface. */
export function createUpgrades(options: UpgradeOptions): UpgradeHandler {
  const { directory, log, trustedProxies = 0 } = options
  return (request, socket, head) => {
    const target = readTarget(request.url ?? '')
    const found = directory.resolve({
      host: request.headers.host ?? '',
      path: target.path,
      key: keyOf(request, target.query),
    })
    const surfaces = longestFirst(found?.project.surfaces ?? [])
    const surface = surfaces.find(({ path }) => found?.path.startsWith(`${path}/`))
    const enter = async () => {
      requireHttps(request, options)
      if (!found) throw httpErrors.unknown_project()
      if (!surface?.handleUpgrade) throw noUpgrade(request)
      await surface.handleUpgrade({
        request,
        socket,
        head,
        path: found.path.slice(surface.path.length),
        query: target.query,
        clientAddress: clientAddressOf(
          request.socket.remoteAddress,
          headerOf(request, 'x-forwarded-for'),
          trustedProxies,
        ),
      })
    }
    enter().catch((error: unknown) => refuse(socket, error, { log, surface }))
  }
}

/** Answers a client that wants a tunnel, or another protocol where none is spoken. */
export function refuseToLeaveHttp(request: IncomingMessage, socket: Duplex): void {
  refuse(socket, request.method === 'CONNECT' ? httpErrors.no_tunnel() : noUpgrade(request), {})
}

interface RefusalOptions {
  readonly log?: Log
  /** Whose clients read the answer. */
  readonly surface?: Surface | undefined
}

function refuse(socket: Duplex, error: unknown, { log, surface }: RefusalOptions): void {
  const requestId = newId()
  const response = surface ? surface.renderError(error, requestId) : renderPlainError(error, requestId)
  const { status } = response
  if (log) logFailure(log.child({ request: requestId }), error, status)
  const headers = [['x-request-id', requestId] as const]
  response.text().then(
    (body) => sendLastAnswer(socket, { status, body, headers }),
    () => socket.destroy(),
  )
}

/**
 * Splits a request's target without judging it: clients send anything, and `new URL` throws at some of it
 * (`//`, `http://:99999/`). The absolute form of RFC 9112, 3.2.2 is taken too.
 */
function readTarget(target: string): Target {
  const [whole = ''] = target.split('#', 1)
  const mark = whole.indexOf('?')
  const address = mark < 0 ? whole : whole.slice(0, mark)
  return {
    path: address.replace(/^https?:\/\/[^/]*/i, '') || '/',
    query: new URLSearchParams(mark < 0 ? '' : whole.slice(mark + 1)),
  }
}

/** The key that says whose request it is; the surface checks it. */
const keyOf = (request: IncomingMessage, query: URLSearchParams): string | undefined =>
  query.get('apikey') ??
  headerOf(request, 'apikey') ??
  request.headers.authorization?.replace(/^bearer\s+/i, '')

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

const noUpgrade = (request: IncomingMessage) =>
  httpErrors.no_upgrade({ protocol: headerOf(request, 'upgrade')?.slice(0, 40) ?? 'another protocol' })
